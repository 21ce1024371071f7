"""How much work an answer may take."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Generator

from autoreg import scoring
from autoreg.inference.problem import Problem
from autoreg.inference.twist import Twist

METHODS = ("enumeration", "dynamic programming", "beam", "importance", "particles", "twisted")
"""What a question can be forced to be answered by, beyond what one score answers."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What an answer may cost, and by which method it has to be found.

    Attributes:
        method: One of ``METHODS``, for every part of the question that one score does not answer;
            None for the first that applies.
        islands: M: independent runs of a particle filter; their spread is the standard error.
        particles: N: paths in each.
        growth: How many times as many, at most, where a short pilot run says that the standard
            error would be above 0.1 nats; 1 keeps to N.
        draws: Draws from each island for expectations that need whole sequences.
        sweeps: How often Markov kernels move the draws of an infilling apart where a particle
            filter's paths descend from too few; 0 leaves them as they are.
        resampling: "systematic", "stratified", "residual" or "multinomial".
        threshold: An island is resampled when its effective sample size falls below this share
            of N; 0 never.
        most_paths: The most paths that are enumerated.
        most_contexts: The most contexts that the dynamic programme holds at a time.
        most_steps: The most positions that an exact method steps through in all.
        twist: Makes what a twisted filter looks ahead by of a problem, e.g. from a model of the
            reversed scan. None is a surrogate of small order, which is tried unasked where the
            model's own order is hardly larger.
        surrogate_draws: How many of the model's own draws that is fitted to.
        beams: Prefixes that a beam keeps.
        tolerance: Width in nats within which the bounds of a beam are answer enough.
        memory: Bytes that activations and states may take at a time.
    """

    method: str | None = None
    islands: int = 32
    particles: int = 32
    growth: int = 4
    draws: int = 8
    sweeps: int = 1
    resampling: str = "systematic"
    threshold: float = 0.5
    most_paths: int = 2**12
    most_contexts: int = 2**13
    most_steps: int = 2**22
    twist: Callable[[Problem, Generator | None], Twist] | None = None
    surrogate_draws: int = 256
    beams: int = 64
    tolerance: float = 0.01
    memory: int = scoring.MEMORY

    def __post_init__(self) -> None:
        if self.method is not None and self.method not in METHODS:
            raise ValueError(f"method needs one of {', '.join(METHODS)}; got {self.method!r}")
        if self.islands < 2 or self.particles < 1 or self.draws < 1:
            raise ValueError(
                "an estimate needs at least two islands, whose spread is its standard error, of a "
                "particle and a draw or more; "
                f"got {self.islands}, {self.particles} and {self.draws}"
            )
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold needs to lie within 0..1; got {self.threshold}")
