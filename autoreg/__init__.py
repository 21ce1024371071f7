"""Probabilistic questions to autoregressive models.

The public names, in the order in which they are best read. Each is imported when it is first asked
for: ``import autoreg`` is free, the questions cost what torch, numpy and jaxtyping cost, and audio
files, pictures, compilers and progress bars stay outside until something uses them.

Example:
    >>> import autoreg as ar
    >>> ar.ConditionSpace({"speaker": ("ann", "bob"), "digit": ("0", "1", "2")}).size
    6
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autoreg.answers import Answer, Draws, Posterior
    from autoreg.conditions import ConditionSpace
    from autoreg.density import Density, load
    from autoreg.models.markov import MarkovTable
    from autoreg.models.wavenet import WaveNet
    from autoreg.protocol import SequenceModel, State
    from autoreg.queries.likelihood import log_prob
    from autoreg.queries.posterior import posterior
    from autoreg.queries.sampling import complete, sample
    from autoreg.testing import check_sequence_model

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 - in reading order
    "load",
    "Density",
    "log_prob",
    "posterior",
    "sample",
    "complete",
    "ConditionSpace",
    "Answer",
    "Posterior",
    "Draws",
    "State",
    "SequenceModel",
    "check_sequence_model",
    "WaveNet",
    "MarkovTable",
]

_HOMES = {
    "load": "autoreg.density",
    "Density": "autoreg.density",
    "log_prob": "autoreg.queries.likelihood",
    "posterior": "autoreg.queries.posterior",
    "sample": "autoreg.queries.sampling",
    "complete": "autoreg.queries.sampling",
    "ConditionSpace": "autoreg.conditions",
    "Answer": "autoreg.answers",
    "Posterior": "autoreg.answers",
    "Draws": "autoreg.answers",
    "State": "autoreg.protocol",
    "SequenceModel": "autoreg.protocol",
    "check_sequence_model": "autoreg.testing",
    "WaveNet": "autoreg.models.wavenet",
    "MarkovTable": "autoreg.models.markov",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home and keep it."""
    if name not in _HOMES:
        raise AttributeError(
            f"autoreg has no public name {name!r}; it has {', '.join(__all__)}. "
            f"A module is imported by its own name: import autoreg.{name}"
        )
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what is there and what can be asked for."""
    return sorted({*globals(), *__all__})
