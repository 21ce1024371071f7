"""How well a density predicts and tells apart what it has not seen."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from autoreg.calibration import Calibration
from autoreg.conditions import ConditionSpace, Prior
from autoreg.data.corpus import Corpus
from autoreg.data.orders import in_order
from autoreg.data.picture import Picture
from autoreg.data.pictures import Pictures
from autoreg.data.sound import Sound
from autoreg.data.source import read_corpus
from autoreg.density import Density
from autoreg.scoretable import Progress, ScoreTable, score_table
from autoreg.verdicts import verdicts

BINS = 15  # of equal width, for the calibration error
RESAMPLES = 400  # the standard error of a standard error is then under four percent


class Estimate(NamedTuple):
    """A mean over sequences and its standard error."""

    value: float
    std_error: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a density is worth on some sequences; natural logs.

    Attributes:
        n: How many sequences.
        of: The factors whose label is to be told; none where the density has none.
        accuracy: Share of the sequences whose most probable label is the true one. The standard
            error is the binomial one, counting a hit and a miss more, so that it is not 0 where
            there is no miss.
        nats_per_sequence: Mean of -log p(x), the labels summed out under the prior.
        nats_given_label: Mean of -log p(x | all its labels).
        bits_per_symbol: -log2 p(x) of all sequences over the number of their symbols.
        log_score: Mean log posterior of the true label.
        ece: Expected calibration error of the most probable label, in 15 bins of equal width; its
            standard error is that of bootstrap resamples drawn with a fixed seed.
        temperature: That of a calibration, where one is judged too; the next three are what it
            makes of accuracy, log score and calibration error. Nats are the model's own. Of one
            question over all factors and a uniform prior it leaves the accuracy as it is: the
            order of the labels is that of their likelihoods.
        protocol: What was evaluated, in one sentence.
    """

    n: int
    of: tuple[str, ...]
    accuracy: Estimate | None = None
    nats_per_sequence: Estimate
    nats_given_label: Estimate
    bits_per_symbol: Estimate
    log_score: Estimate | None = None
    ece: Estimate | None = None
    temperature: float | None = None
    calibrated_accuracy: Estimate | None = None
    calibrated_log_score: Estimate | None = None
    calibrated_ece: Estimate | None = None
    protocol: str

    def estimates(self) -> dict[str, Estimate | None]:
        """Return the estimates by name, in the order of the attributes."""
        left_out = {"n", "of", "protocol", "temperature"}
        if self.temperature is None:
            left_out |= {"calibrated_accuracy", "calibrated_log_score", "calibrated_ece"}
        names = (field.name for field in dataclasses.fields(self))
        return {name: getattr(self, name) for name in names if name not in left_out}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: every estimate by name, and their errors under "std_error"."""
        found = self.estimates()
        tempered = {} if self.temperature is None else {"temperature": self.temperature}
        return {
            "n": self.n,
            "of": list(self.of),
            **{name: None if one is None else one.value for name, one in found.items()},
            **tempered,
            "std_error": {name: one and one.std_error for name, one in found.items()},
            "protocol": self.protocol,
        }


def evaluate(
    density: Density,
    corpus: Corpus,
    *,
    part: str = "test",
    of: str | Sequence[str] | None = None,
    prior: Prior | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Return how well a density does on one part of a corpus.

    Every sequence is scored once under each condition, and every number comes from that.

    Args:
        density: What is judged.
        corpus: Symbols and conditions that mean the same as the density's.
        part: "train", "valid" or "test".
        of: Factor or factors to tell; the density's target if None, or all if it has none.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        limit: Only the first so many sequences.
        progress: Told after each batch.

    Raises:
        ValueError: The part does not exist or is empty, or the corpus speaks of other things.
    """
    table = score_table(density, corpus, part=part, limit=limit, progress=progress)
    return judge(table, density.space, of=density.target if of is None else of, prior=prior)


def judge(
    table: ScoreTable,
    space: ConditionSpace,
    *,
    of: str | Sequence[str] | None = None,
    prior: Prior | None = None,
    calibration: Calibration | None = None,
) -> Evaluation:
    """Return what scores are worth; any number of questions cost one scoring.

    Args:
        table: Of a density and some sequences.
        space: Names of the density's conditions.
        of: Factor or factors to tell; all if None.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        calibration: To be judged too.
    """
    log_prior, lengths = space.log_prior(prior), table.lengths
    nats = -(table.log_likelihoods + log_prior).logsumexp(1)
    found = Evaluation(
        n=len(table),
        of=space.names if of is None else (of,) if isinstance(of, str) else tuple(of),
        nats_per_sequence=mean_of(nats),
        nats_given_label=mean_of(-table.log_likelihoods.gather(1, table.condition[:, None])[:, 0]),
        bits_per_symbol=ratio_of(nats / math.log(2), lengths),
        protocol=table.protocol,
    )
    if not found.of:
        return found
    own = verdicts(table, space, of=of, prior=prior)
    found = replace(
        found,
        accuracy=share_of(own.right),
        log_score=mean_of(own.log_score),
        ece=_calibration_error(own.confidence, own.right),
    )
    if calibration is None:
        return found
    tempered = verdicts(table, space, of=of, prior=prior, calibration=calibration)
    return replace(
        found,
        temperature=calibration.temperature,
        calibrated_accuracy=share_of(tempered.right),
        calibrated_log_score=mean_of(tempered.log_score),
        calibrated_ece=_calibration_error(tempered.confidence, tempered.right),
    )


def held_out(
    density: Density,
    root: Path | str | None = None,
    *,
    part: str = "test",
    labels: Mapping[str, Any] | None = None,
    table: Path | str | None = None,
    local: Path | str | None = None,
    first: int | None = None,
    first_seconds: float | None = None,
    mono: bool = False,
    resample: bool = False,
) -> Corpus:
    """Return the data that a density was trained on, or others like them, read as it says.

    Whether the part is the one that was put aside in training is said in the protocol.

    Args:
        density: Its model directory tells how to read; training on the command line writes that.
        root: The folder of the data, if they have one.
        part: What will be evaluated; sound files of other parts are not read.
        labels: Another rule of labels than in training, see ``read_labels``.
        table: The table of labels, if it does not lie where the rule says.
        local: The folder of features that accompany sounds, if they do not lie beside them.
        first: Keep only this many symbols of each sequence.
        first_seconds: Keep only this much of each sound, cut before its gain is normalised.
        mono: Mix sounds of several channels.
        resample: Convert sounds of other sample rates.

    Raises:
        ValueError: The density does not tell how to read, or the data cannot be read so.
    """
    source = dict(density.card.get("training", {}).get("data") or {})
    if not source:
        raise ValueError(
            "the model does not say how its data are read: it was not trained by `autoreg train`. "
            "Pass a corpus to autoreg.evaluation.evaluate"
        )
    if labels is not None:
        source["labels"] = labels
    if isinstance(density.signal, Sound):
        source |= {"sample_rate": density.signal.sample_rate, "prefixes": ()}
        source |= {"mono": mono or source.get("mono", False)}
        source |= {"resample": resample or source.get("resample", False)}
    elif mono or resample:
        raise ValueError(f"mono and resample are for sounds; this is a {density.signal.kind}")
    corpus = read_corpus(
        source,
        root,
        table=table,
        local=local,
        first=first,
        first_seconds=first_seconds,
        parts=(part,),
        space=density.space,
    )
    if first is not None or first_seconds is not None:
        return _in_order_of(density, corpus)
    known = density.card.get("split", {}).get(part)
    same = part in corpus.parts and corpus.parts[part].fingerprint() == known
    verdict = "as put aside" if same else f"another {part} part than"
    found = replace(corpus, protocol=f"{corpus.protocol}; {verdict} in training")
    return _in_order_of(density, found)


def _in_order_of(density: Density, corpus: Corpus) -> Corpus:
    """Return each picture once, in the density's own order, if they are there in several."""
    if not isinstance(corpus.signal, Pictures) or not isinstance(density.signal, Picture):
        return corpus
    kind, whole = density.signal.scan.kind, not density.signal.ordered
    how = "the mixture over them" if whole else f"{kind} alone"
    alone = in_order(corpus, kind)
    return replace(alone, protocol=f"{alone.protocol}; {how}")


def mean_of(values: Float[Tensor, " n"]) -> Estimate:
    """Return the mean of values, and its standard error."""
    mean, n = float(values.mean()), len(values)
    squares = float((values - mean).square().sum())
    return Estimate(mean, math.sqrt(squares / (n * (n - 1))) if n > 1 else math.nan)


def ratio_of(
    values: Float[Tensor, " n"], counts: Int[Tensor, " n"] | Float[Tensor, " n"]
) -> Estimate:
    """Return the sum of values over the sum of counts; its error by linearisation."""
    if not int(counts.sum()):
        return Estimate(math.nan, math.nan)
    ratio = float(values.sum() / counts.sum())
    spread = mean_of(values - ratio * counts).std_error
    return Estimate(ratio, spread / float(counts.double().mean()))


def share_of(hits: Bool[Tensor, " n"]) -> Estimate:
    """Return the share of hits; its error counts a hit and a miss more, so that it is never 0."""
    n = len(hits)
    near = (float(hits.sum()) + 1) / (n + 2)
    return Estimate(float(hits.double().mean()), math.sqrt(near * (1 - near) / n))


def _calibration_error(confidence: Float[Tensor, " n"], right: Bool[Tensor, " n"]) -> Estimate:
    """Return the gap between confidence and accuracy, averaged over bins by their weight."""
    n = len(right)
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    gaps = right.double() - confidence

    def error(chosen: Int[Tensor, " n"]) -> float:
        sums = torch.zeros(BINS, dtype=torch.float64).index_add(0, bins[chosen], gaps[chosen])
        return float(sums.abs().sum()) / n

    generator = torch.Generator().manual_seed(0)
    again = [error(torch.randint(n, (n,), generator=generator)) for _ in range(RESAMPLES)]
    spread = torch.tensor(again).std(correction=1)
    return Estimate(error(torch.arange(n)), float(spread))
