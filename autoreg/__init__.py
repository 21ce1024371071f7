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
    from autoreg.data.region import Seconds
    from autoreg.density import Density, load
    from autoreg.events import Event
    from autoreg.evidence import Evidence
    from autoreg.inference.effort import Effort
    from autoreg.models.adapters import NextSymbolLogits
    from autoreg.models.huggingface import CausalLM
    from autoreg.models.markov import MarkovTable
    from autoreg.models.wavenet import WaveNet
    from autoreg.protocol import SequenceModel, State
    from autoreg.queries.argmax import argmax
    from autoreg.queries.certify import certify
    from autoreg.queries.compare import divergence, log_odds
    from autoreg.queries.distribution import SequenceDistribution
    from autoreg.queries.hitting import hitting
    from autoreg.queries.infill import infill
    from autoreg.queries.information import entropy, information, learning_curve
    from autoreg.queries.likelihood import log_prob, surprise
    from autoreg.queries.marginals import marginals
    from autoreg.queries.partial import posterior_given
    from autoreg.queries.posterior import decide, posterior
    from autoreg.queries.probability import explain, probability, solve
    from autoreg.queries.sampling import complete, sample
    from autoreg.queries.streaming import stream
    from autoreg.testing import check_sequence_model

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 - in reading order
    "load",
    "Density",
    "Evidence",
    "Event",
    "Seconds",
    "solve",
    "explain",
    "Effort",
    "log_prob",
    "surprise",
    "posterior",
    "posterior_given",
    "decide",
    "probability",
    "infill",
    "sample",
    "complete",
    "stream",
    "marginals",
    "hitting",
    "entropy",
    "information",
    "learning_curve",
    "argmax",
    "divergence",
    "log_odds",
    "certify",
    "SequenceDistribution",
    "ConditionSpace",
    "Answer",
    "Posterior",
    "Draws",
    "State",
    "SequenceModel",
    "check_sequence_model",
    "WaveNet",
    "MarkovTable",
    "NextSymbolLogits",
    "CausalLM",
]

_HOMES = {
    "load": "autoreg.density",
    "Density": "autoreg.density",
    "Evidence": "autoreg.evidence",
    "Event": "autoreg.events",
    "Seconds": "autoreg.data.region",
    "solve": "autoreg.queries.probability",
    "explain": "autoreg.queries.probability",
    "Effort": "autoreg.inference.effort",
    "log_prob": "autoreg.queries.likelihood",
    "surprise": "autoreg.queries.likelihood",
    "posterior": "autoreg.queries.posterior",
    "posterior_given": "autoreg.queries.partial",
    "decide": "autoreg.queries.posterior",
    "probability": "autoreg.queries.probability",
    "infill": "autoreg.queries.infill",
    "sample": "autoreg.queries.sampling",
    "complete": "autoreg.queries.sampling",
    "stream": "autoreg.queries.streaming",
    "marginals": "autoreg.queries.marginals",
    "hitting": "autoreg.queries.hitting",
    "entropy": "autoreg.queries.information",
    "information": "autoreg.queries.information",
    "learning_curve": "autoreg.queries.information",
    "argmax": "autoreg.queries.argmax",
    "divergence": "autoreg.queries.compare",
    "log_odds": "autoreg.queries.compare",
    "certify": "autoreg.queries.certify",
    "SequenceDistribution": "autoreg.queries.distribution",
    "ConditionSpace": "autoreg.conditions",
    "Answer": "autoreg.answers",
    "Posterior": "autoreg.answers",
    "Draws": "autoreg.answers",
    "State": "autoreg.protocol",
    "SequenceModel": "autoreg.protocol",
    "check_sequence_model": "autoreg.testing",
    "WaveNet": "autoreg.models.wavenet",
    "MarkovTable": "autoreg.models.markov",
    "NextSymbolLogits": "autoreg.models.adapters",
    "CausalLM": "autoreg.models.huggingface",
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
