"""How judgements are printed."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from autoreg.cli.output import print_json
from autoreg.evaluation import Estimate, Evaluation
from autoreg.occlusion import Occlusion

_JUDGED = ("accuracy", "log_score", "ece")
_OF_LABELS = (*_JUDGED, *(f"calibrated_{name}" for name in _JUDGED))


def print_judgements(
    found: Sequence[Evaluation], *, name: str, seconds: float, as_json: bool
) -> None:
    """Print what one scoring says of one question or more: a table, or one object.

    The object is the first question's; where there are more, "targets" has all of them.
    """
    first = found[0]
    if as_json:
        more = {"targets": [_of_labels(one) for one in found]} if len(found) > 1 else {}
        print_json({"model": name, **first.to_dict(), **more, "seconds": round(seconds, 3)})
        return
    print(f"{name}: {first.n:,} sequences, {seconds:.1f} s")
    rows: dict[str, Estimate | None] = {}
    for what, estimate in first.estimates().items():
        if what not in _OF_LABELS:
            rows[what.replace("_", " ")] = estimate
    for one in found:
        for what, estimate in one.estimates().items():
            if what in _OF_LABELS:
                rows[f"{what.replace('_', ' ')} of {', '.join(one.of)}"] = estimate
    print_estimates(rows)
    if first.temperature is not None:
        print(f"calibrated: temperature {first.temperature:.4g}, not the model's own posterior")
    print(first.protocol)


def print_occlusion(found: Occlusion, *, name: str, seconds: float, as_json: bool) -> None:
    """Print what is told of sequences of which a part is hidden: a table, or one object."""
    if as_json:
        print_json({"model": name, **found.to_dict(), "seconds": round(seconds, 3)})
        return
    print(
        f"{name}: {found.mask}, {found.share:.1%} hidden; {found.n:,} sequences, {seconds:.1f} s"
    )
    labels = ", ".join(found.of)
    print_estimates(
        {
            f"accuracy of {labels}": found.accuracy,
            f"log score of {labels}": found.log_score,
            "nats per hidden symbol": found.nats_per_hidden,
            "the same given all labels": found.nats_per_hidden_given_label,
        }
    )
    print(f"exact: {found.exact:.1%} of the sequences; reliable: {found.reliable:.1%}")
    if found.exact < 1:
        told = f"{found.paths} paths a condition, log p(seen | labels) to {found.spread:.2g} nats"
        print(f"{told}; seed {found.seed}")
    print(found.protocol)


def print_estimates(rows: Mapping[str, Estimate | None]) -> None:
    """Print a row for each estimate that there is."""
    table = Table("")
    for column in ("value", "standard error"):
        table.add_column(column, justify="right")
    for what, estimate in rows.items():
        if estimate is not None:
            table.add_row(what, f"{estimate.value:.4f}", f"{estimate.std_error:.4f}")
    Console(highlight=False).print(table)


def _of_labels(found: Evaluation) -> dict[str, Any]:
    told = found.to_dict()
    errors = {name: error for name, error in told["std_error"].items() if name in _OF_LABELS}
    kept = {name: told[name] for name in ("of", "temperature", *_OF_LABELS) if name in told}
    return {**kept, "std_error": errors}
