"""How probable each label is."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.style import (
    ACCENT,
    DRAWN,
    FAINT,
    FRAME,
    INK,
    LABEL,
    LINES,
    framed,
    keyed,
    plain,
    sheet,
)

_CROWD = 12  # labels that can stand below bars without being turned
_WORTH = 0.005  # a probability of less is not written into a table


def bars(
    probs: Float[Tensor, " K"],
    labels: Sequence[str],
    *,
    std_error: Float[Tensor, " K"] | None = None,
    truth: str | None = None,
    title: str,
) -> Figure:
    """Return a bar for each label; the highest is blue, a frame shows which label is true.

    Args:
        probs: Probabilities of the K labels.
        labels: Their names.
        std_error: Of the probabilities; of an answer, whose `std_error` is that of a logarithm,
            ``answer.probs * answer.std_error``.
        truth: The true label, if known.
        title: Of the figure.

    Raises:
        ValueError: There is not one probability for each label, or the true one is none of them.
    """
    _check(probs, labels, ())
    if truth is not None and truth not in labels:
        raise ValueError(f"the truth needs to be one of {', '.join(labels)}; got {truth!r}")
    figure = sheet(title, 2.8, width=max(5.6, 0.34 * len(labels)))
    axes = plain(figure.add_subplot(), up="probability")
    best = int(probs.argmax())
    axes.bar(
        range(len(labels)),
        probs.detach().cpu().numpy(),
        yerr=None if std_error is None else std_error.detach().cpu().numpy(),
        color=[ACCENT if index == best else FAINT for index in range(len(labels))],
        edgecolor=[INK if label == truth else "none" for label in labels],
        linewidth=1.6,
        ecolor=INK,
        capsize=3,
    )
    axes.set_xticks(range(len(labels)), labels, rotation=90 if len(labels) > _CROWD else 0)
    axes.tick_params("x", length=0, labelcolor=INK, labelsize=LABEL)
    axes.set_ylim(0, 1)
    if truth is not None:
        axes.get_xticklabels()[list(labels).index(truth)].set_fontweight("bold")
    return figure


def curves(
    probs: Float[Tensor, "T1 K"],
    labels: Sequence[str],
    *,
    step: float = 1.0,
    across: str = "symbols seen",
    wave: Shaped[Tensor, " T"] | None = None,
    title: str,
) -> Figure:
    """Return a line for each label: its probability as symbols arrive.

    The labels that come closest to being believed have lines of their own; the rest is grey.

    Args:
        probs: Probabilities after 0, 1, ..., T symbols, as ``every_prefix`` gives them.
        labels: Names of the K labels.
        step: What a symbol adds to the horizontal axis: 1 / sample rate for seconds.
        across: What stands below that axis.
        wave: The T samples, to be drawn above.
        title: Of the figure.

    Raises:
        ValueError: There is not one column for each label, or not one sample for each symbol.
    """
    _check(probs, labels, ("T + 1",))
    if wave is not None and wave.shape != (len(probs) - 1,):
        raise ValueError(f"a wave needs {len(probs) - 1} samples; got shape {tuple(wave.shape)}")
    figure, times, told = sheet(title, 3.2), step * torch.arange(len(probs)), probs.detach().cpu()
    if wave is None:
        axes = figure.add_subplot()
    else:
        figure.set_figheight(4.2)
        above, axes = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
        plain(above, up="sound").set_yticks([])
        above.plot(times[1:], wave.cpu(), color=INK, linewidth=0.5)
    plain(axes, across=across, up="probability")
    # Row 0 is the prior: it tells of no symbol.
    highest = told[min(1, len(told) - 1) :].amax(0)
    leading = sorted(highest.argsort(descending=True)[: len(LINES)].tolist())
    for index in sorted({*range(len(labels))} - {*leading}):
        axes.plot(times, told[:, index], color=FRAME, linewidth=0.9)
    for index, (colour, dashes) in zip(leading, LINES, strict=False):
        axes.plot(times, told[:, index], color=colour, linestyle=dashes, label=labels[index])
    axes.set_xlim(0, step * max(1, len(probs) - 1))
    axes.set_ylim(-0.02, 1.02)
    keyed(axes)
    return figure


def table(
    probs: Float[Tensor, "R C"], rows: Sequence[str], columns: Sequence[str], *, title: str
) -> Figure:
    """Return the probabilities of pairs of labels as a table, dark where they are high.

    Args:
        probs: Probability of each pair.
        rows: Names of the R labels of the first factor.
        columns: Names of the C labels of the second.
        title: Of the figure.

    Raises:
        ValueError: There is not one row and one column for each label.
    """
    if probs.shape != (len(rows), len(columns)):
        raise ValueError(
            f"a table needs probabilities ({len(rows)}, {len(columns)}), one for each pair; got "
            f"{tuple(probs.shape)}"
        )
    figure = sheet(title, 1.3 + 0.42 * len(rows), width=max(5.6, 1.6 + 0.62 * len(columns)))
    axes = framed(figure.add_subplot())
    told = probs.detach().cpu()
    axes.imshow(told.numpy(), cmap=DRAWN, vmin=0, vmax=1, aspect="auto")
    for row, line in enumerate(told.tolist()):
        for column, prob in enumerate(line):
            if prob >= _WORTH:
                colour = "white" if prob > 0.5 else INK
                axes.text(column, row, f"{prob:.2f}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0, labelsize=LABEL, labelcolor=INK)
    return figure


def _check(probs: Tensor, labels: Sequence[str], before: tuple[str, ...]) -> None:
    needed = (*before, str(len(labels)))
    if probs.ndim != len(needed) or probs.shape[-1] != len(labels) or not probs.numel():
        raise ValueError(
            f"probabilities need shape ({', '.join(needed)}), one for each label; got "
            f"{tuple(probs.shape)}"
        )
