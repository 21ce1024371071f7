"""How well a density forecasts what it has not seen."""

from collections.abc import Sequence

from torch import Generator

from autoreg.conditions import Prior
from autoreg.data.corpus import Corpus
from autoreg.density import Density
from autoreg.models.mixture import Mixture
from autoreg.queries.rolling import Rolling, rolling


def forecasting(
    density: Density,
    corpus: Corpus,
    *,
    part: str = "test",
    horizon: int,
    origins: int | None = 5,
    first: int = 0,
    paths: int = 64,
    levels: Sequence[float] = (0.5, 0.9),
    prior: Prior | None = None,
    limit: int | None = None,
    generator: Generator | None = None,
) -> Rolling:
    """Forecast one part of a corpus from origins along its sequences; labels are not told.

    Args:
        density: What is judged.
        corpus: Symbols that mean the same as the density's.
        part: "train", "valid" or "test".
        horizon: How many symbols are forecast.
        origins: How many in each sequence; None takes all. Those that have fewer are left out,
            which is counted.
        first: The least number of symbols before an origin.
        paths: Draws a forecast.
        levels: Of the bands.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        limit: Only the first so many sequences.
        generator: Source of all chance.

    Raises:
        ValueError: The part does not exist or is empty, the corpus speaks of other things, no
            sequence has so many origins, or the density reads in several orders.
    """
    if isinstance(density.model, Mixture):
        density.model.refuse("a rolling forecast")
    if density.signal.config() != corpus.signal.config():
        raise ValueError(
            f"the corpus needs the density's signal, {density.signal.config()}; "
            f"got {corpus.signal.config()}"
        )
    if part not in corpus.parts or not len(corpus.parts[part]):
        raise ValueError(
            f"part needs one of {', '.join(corpus.parts)} that is not empty; got {part!r}"
        )
    sequences = corpus.parts[part]
    symbols, _, lengths = sequences.pad(range(len(sequences))[:limit])
    return rolling(
        density.model,
        symbols,
        density.space.log_prior(prior).expand(len(symbols), -1),
        horizon=horizon,
        origins=origins,
        first=first,
        lengths=lengths,
        paths=paths,
        levels=levels,
        values=density.levels(),
        memory=density.memory,
        generator=generator,
    )
