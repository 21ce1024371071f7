"""A trained model that speaks of sound, pixels and labels."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Generator, Tensor

from autoreg import knowledge, mixed, modeldir, scoring
from autoreg.answers import Answer, Cost, Draws, Posterior
from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.data.local import read_frames
from autoreg.data.orders import labels_of
from autoreg.data.picture import Picture
from autoreg.data.pictures import Pictures
from autoreg.data.region import Region
from autoreg.data.series import Series
from autoreg.data.signal import Signal
from autoreg.data.sound import Sound
from autoreg.data.waves import Reading
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.factorfile import FactorFile
from autoreg.inference.effort import Effort
from autoreg.knowledge import Allowed, Range
from autoreg.language import evaluate as language
from autoreg.models.mixture import Mixture
from autoreg.models.wavenet import WaveNet
from autoreg.protocol import SequenceModel
from autoreg.queries import compare, information, likelihood, probability, sampling, streaming
from autoreg.queries import posterior as bayes
from autoreg.queries.argmax import Best, argmax
from autoreg.queries.bands import Forecast, bands
from autoreg.queries.certify import certify
from autoreg.queries.distribution import SequenceDistribution
from autoreg.queries.hitting import hitting
from autoreg.queries.infill import infill
from autoreg.queries.marginals import marginals
from autoreg.queries.partial import posterior_given
from autoreg.queries.rolling import Rolling, rolling
from autoreg.queries.streaming import Stream

Path_ = str | Path
Signals = Path_ | Sequence[Path_] | np.ndarray | Tensor
"""One file, several files, or an array of one signal or of a batch of equal length."""


def load(source: str | Path, *, device: str = "auto", dtype: torch.dtype | None = None) -> Density:
    """Load a trained model: a directory, else a bundled name, else "hf:owner/name".

    Args:
        source: Where the model is.
        device: "auto" is a GPU if there is one.
        dtype: Of the weights; as stored if None.

    Raises:
        ModelDirError: The directory is damaged, foreign or of another format; nothing in it is
            executed.
    """
    model, signal, space, target, card = modeldir.load(source, device=device, dtype=dtype)
    if isinstance(signal, Pictures):
        mixture = Mixture(mixed.by_scan(model, space, signal.kinds), signal.positions())
        space = labels_of(space)
        return Density(model=mixture, signal=signal.whole, space=space, target=target, card=card)
    return Density(model=model, signal=signal, space=space, target=target, card=card)


@dataclass(frozen=True, kw_only=True)
class Density:
    """A sequence model together with what its symbols and conditions mean.

    Of a model that reads pictures in several orders, the density is the mean over them. It is
    asked of whole pictures, and of what is seen or hidden of them by pixel; ``component`` is that
    of one order, which can be asked everything.

    Attributes:
        model: Any sequence model.
        signal: What turns files and arrays into symbols and back.
        space: Names of the conditions.
        target: The factor that is asked for where none is named.
        card: How the model was made, as plain data.
        memory: Bytes that the activations of one batch may take.
    """

    model: SequenceModel
    signal: Signal
    space: ConditionSpace
    target: str | None
    card: dict[str, Any]
    memory: int = scoring.MEMORY

    def component(self, name: str) -> Density:
        """Return the density of one order alone, of a mixture over several.

        Args:
            name: The kind of the scan.

        Raises:
            ValueError: This is no mixture, or has no such part.
        """
        if not isinstance(self.model, Mixture) or not isinstance(self.signal, Picture):
            raise ValueError("a component is part of a mixture; this density has one order")
        if name not in self.model.names:
            raise ValueError(
                f"the mixture has the {self.model.factor}s {', '.join(self.model.names)}; "
                f"got {name!r}"
            )
        card = {key: value for key, value in self.card.items() if key != "calibration"}
        scan = replace(self.signal.scan, kind=name)
        return replace(
            self,
            model=self.model.parts[self.model.names.index(name)],
            signal=Picture(self.signal.codec, scan),
            card={**card, self.model.factor: name},
        )

    def log_prob(
        self,
        signals: Signals,
        *,
        given: Given | None = None,
        prior: Prior | None = None,
        per_symbol: str | Path | None = None,
        **reading: Unpack[Reading],
    ) -> Answer:
        """Return log p(signal | given) in nats, exact; ``bits_per_symbol`` is at hand.

        One file is read and scored piece by piece, in memory that its length does not move.

        Args:
            signals: See ``Signals``. The value is of shape () for one, (B,) for several.
            given: Labels that are known; the other factors are summed out under the prior.
            prior: Of the conditions; see ``ConditionSpace.log_prior``.
            per_symbol: Write log p(x_t | x_<t, given) of every symbol of the one file to this
                .npy file, float64, as they are computed.
            **reading: How files are read: ``start``, ``stop`` (seconds), ``mono``, ``resample``.
        """
        if per_symbol is not None:
            self._one_order("per_symbol")
        # A mixture reads whole pictures, under few conditions at a time where memory is short.
        if not isinstance(signals, str | Path) or isinstance(self.model, Mixture):
            if per_symbol is not None:
                raise ValueError("per_symbol needs one file to score; got several or an array")
            symbols, lengths, alone = self.encode(signals, **reading)
            answer = likelihood.log_prob(
                self.model,
                symbols,
                self.space,
                given=given,
                prior=prior,
                lengths=lengths,
                memory=self.memory,
            )
            return _row(answer) if alone else answer
        begin = time.perf_counter()
        log_prior = self.space.log_prior(prior, given)
        possible = log_prior.isfinite().nonzero()[:, 0]
        joint, count = log_prior[possible], 0
        with ExitStack() as opened:
            file = None if per_symbol is None else opened.enter_context(FactorFile(per_symbol))
            pieces = self.pieces(signals, len(possible), **reading)
            with torch.no_grad():
                for factors in scoring.stream(self.model, pieces, possible):
                    joint, before = joint + factors.cpu().sum(1), joint
                    count += factors.shape[1]
                    if file is not None:
                        running = before[:, None] + factors.cpu().cumsum(1)
                        total = torch.cat([before[:, None], running], 1).logsumexp(0)
                        file.append(total.diff())
        averaged = f", averaged over {len(possible)} conditions" if len(possible) > 1 else ""
        return Answer(
            value=joint.logsumexp(0),
            method=f"one score{averaged}",
            num_symbols=torch.tensor(count),
            cost=Cost(scored=count * len(possible), seconds=time.perf_counter() - begin),
        )

    def posterior(
        self,
        signals: Signals | None = None,
        *,
        of: str | Sequence[str] | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        every_prefix: bool = False,
        hidden: Region | None = None,
        evidence: Evidence | None = None,
        effort: Effort | None = None,
        method: str | None = None,
        generator: Generator | None = None,
        **reading: Unpack[Reading],
    ) -> Posterior:
        """Return log p(label | signal) by Bayes' rule, exact under the model.

        Where parts of one signal are hidden, the answer may be an estimate and says so.

        Args:
            signals: See ``Signals``. Values are of shape (K,) for one, (B, K) for several.
            of: Factor or factors; the model's target if None, or all if it has none.
            given: Labels that are known.
            prior: Of the conditions; see ``ConditionSpace.log_prior``.
            every_prefix: Give the posterior after every prefix too, from the same pass:
                (T + 1, K) or (B, T + 1, K), row t from the first t symbols. Of sounds whose
                gain is "peak" these are prefixes of the normalised clip, whose peak may lie in
                their future; ``stop`` gives a beginning by its own peak.
            hidden: The region of one signal that is not seen; see ``evidence``.
            evidence: What is known, instead of signals, labels and prior.
            effort: How much work it may be where parts are hidden.
            method: Forces one.
            generator: Source of all chance.
            **reading: How files are read: ``start``, ``stop`` (seconds), ``mono``, ``resample``.
        """
        if (signals is None) == (evidence is None):
            raise ValueError("a posterior needs either signals or evidence")
        if every_prefix:
            self._one_order("every_prefix")
        if signals is None or hidden is not None:
            if every_prefix:
                raise ValueError("every_prefix needs signals of which nothing is hidden")
            if evidence is None:
                if not isinstance(signals, str | Path | np.ndarray | Tensor):
                    raise ValueError(f"hidden needs one signal; got {len(signals or ())}")
                evidence = self.evidence(
                    signals, hidden=hidden, given=given, prior=prior, **reading
                )
            return self._posterior_given(
                evidence, of, effort=self._effort(effort, method), generator=generator
            )
        symbols, lengths, alone = self.encode(signals, **reading)
        answer = bayes.posterior(
            self.model,
            symbols,
            self.space,
            of=self.target if of is None else of,
            given=given,
            prior=prior,
            lengths=lengths,
            every_prefix=every_prefix,
            memory=self.memory,
        )
        return _posterior_row(answer) if alone else answer

    def decide(
        self,
        signal: Path_ | np.ndarray | Tensor,
        *,
        threshold: float,
        of: str | Sequence[str] | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        **reading: Unpack[Reading],
    ) -> Posterior:
        """Read a signal until one label is probable enough, and no further; exact.

        ``num_symbols`` of the answer says how much of it was read; see ``autoreg.decide``.
        """
        self._one_order("decide")
        return bayes.decide(
            self.model,
            self._one(signal, **reading),
            self.space,
            threshold=threshold,
            of=self.target if of is None else of,
            given=given,
            prior=prior,
            memory=self.memory,
        )

    def sample(
        self,
        count: int,
        *,
        length: int | None = None,
        seconds: float | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        temperature: float = 1.0,
        top_p: float = 1.0,
        generator: Generator | None = None,
    ) -> Draws:
        """Draw signals from p(signal, labels | given).

        Args:
            count: How many.
            length: Symbols of each; known for pictures.
            seconds: The length of sounds, instead.
            given: Labels to draw under; the others are drawn from the prior.
            prior: Of the conditions; see ``ConditionSpace.log_prior``.
            temperature: Other than 1, or ``top_p`` below 1, draws from another model; 0 takes the
                likeliest symbol each time.
            top_p: See ``autoreg.walks.walking.walk``.
            generator: Source of all chance.
        """
        told = self._length(length, seconds)
        if isinstance(self.model, Mixture):
            if told != self.signal.length:
                self._one_order("a length of its own")
            drawn = mixed.sample(
                self.model,
                count,
                self.space,
                given=given,
                prior=prior,
                temperature=temperature,
                top_p=top_p,
                memory=self.memory,
                generator=generator,
            )
            return replace(drawn, signal=self.signal)
        draws = sampling.sample(
            self.model,
            count,
            self.space,
            length=told,
            given=given,
            prior=prior,
            temperature=temperature,
            top_p=top_p,
            memory=self.memory,
            generator=generator,
        )
        return replace(draws, signal=self.signal)

    def complete(
        self,
        signal: Path_ | np.ndarray | Tensor,
        count: int,
        *,
        keep: int | None = None,
        keep_seconds: float | None = None,
        length: int | None = None,
        seconds: float | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        temperature: float = 1.0,
        top_p: float = 1.0,
        generator: Generator | None = None,
        **reading: Unpack[Reading],
    ) -> Draws:
        """Draw signals that begin as the given one; labels not given come from their posterior.

        Args:
            signal: One file or array.
            count: How many draws.
            keep: Symbols of the beginning that are kept, in the order of the scan; all if None.
            keep_seconds: The same for sounds.
            length: Symbols of each draw, beginning included; as long as the signal if None and
                less than all of it is kept.
            seconds: The same for sounds.
            given: Labels that are known.
            prior: Of the conditions; see ``ConditionSpace.log_prior``.
            temperature: Other than 1, or ``top_p`` below 1, draws from another model; 0 takes the
                likeliest symbol each time.
            top_p: See ``autoreg.walks.walking.walk``.
            generator: Source of all chance.
            **reading: How a file is read: ``start``, ``stop`` (seconds), ``mono``, ``resample``.
        """
        self._one_order("complete")
        symbols = self._one(signal, **reading)
        beginning = self._beginning(symbols, keep, keep_seconds)
        whole, asked = len(symbols), self._length(length, seconds)
        draws = sampling.complete(
            self.model,
            beginning,
            count,
            self.space,
            length=whole if asked is None and len(beginning) < whole else asked,
            given=given,
            prior=prior,
            temperature=temperature,
            top_p=top_p,
            memory=self.memory,
            generator=generator,
        )
        return replace(draws, signal=self.signal)

    def stream(
        self,
        after: Path_ | np.ndarray | Tensor | None = None,
        *,
        keep: int | None = None,
        keep_seconds: float | None = None,
        length: int | None = None,
        seconds: float | None = None,
        piece: int = streaming.PIECE,
        given: Given | None = None,
        prior: Prior | None = None,
        temperature: float = 1.0,
        top_p: float = 1.0,
        generator: Generator | None = None,
        **reading: Unpack[Reading],
    ) -> Stream:
        """Draw a signal piece by piece, to be played or written while it is drawn.

        The pieces, waves (L,) of a sound, are end to end what ``sample`` with a count of 1, or
        ``complete`` without the beginning, draws with an equal generator.

        Args:
            after: One file or array whose beginning the draw follows on; nothing if None.
            keep: Symbols of that beginning; all of it if None.
            keep_seconds: The same for sounds.
            length: Symbols to come; None goes on for ever.
            seconds: The same for sounds.
            piece: Symbols at a time.
            given: Labels that are known; the others are drawn before the first piece.
            prior: Of the conditions; see ``ConditionSpace.log_prior``.
            temperature: Other than 1, or ``top_p`` below 1, draws from another model; 0 takes the
                likeliest symbol each time.
            top_p: See ``autoreg.walks.walking.walk``.
            generator: Source of all chance, on the CPU.
            **reading: How a file is read: ``start``, ``stop`` (seconds), ``mono``, ``resample``.
        """
        if self.signal.length is not None:
            raise ValueError(
                "a stream is of signals that may have any length, such as sound; "
                f"this is a {self.signal.kind}"
            )
        beginning = None
        if after is not None:
            beginning = self._beginning(self._one(after, **reading), keep, keep_seconds)
        drawn = streaming.stream(
            self.model,
            beginning,
            self.space,
            length=self._length(length, seconds),
            piece=piece,
            given=given,
            prior=prior,
            temperature=temperature,
            top_p=top_p,
            memory=self.memory,
            generator=generator,
        )
        return replace(drawn, pieces=map(self.signal.decode, drawn.pieces))

    def forecast(
        self,
        signal: Path_ | np.ndarray | Tensor,
        *,
        horizon: int,
        keep: int | None = None,
        count: int = 256,
        levels: Sequence[float] = (0.5, 0.9),
        given: Given | None = None,
        prior: Prior | None = None,
        temperature: float = 1.0,
        generator: Generator | None = None,
        **reading: Unpack[Reading],
    ) -> Forecast:
        """Draw how a signal may go on, with the median and central bands of the draws.

        Args:
            signal: One file or array of numbers: a series or a sound.
            horizon: How many numbers are forecast.
            keep: How many of the signal's are known; all if None.
            count: How many draws.
            levels: Share of the draws within each band; see ``autoreg.queries.bands``.
            given: Labels that are known; the others are drawn from their posterior.
            prior: Of the conditions; see ``ConditionSpace.log_prior``.
            temperature: Other than 1 draws from another model; 0 takes the likeliest each time.
            generator: Source of all chance.
            **reading: How a file is read: ``start``, ``stop`` (seconds), ``mono``, ``resample``.
        """
        if not isinstance(self.signal, Series | Sound):
            raise ValueError(
                f"bands are of numbers in time, a series or a sound; this is a {self.signal.kind}"
            )
        symbols = self._one(signal, **reading)
        origin = len(symbols) if keep is None else keep
        if horizon < 1 or not 0 <= origin <= len(symbols):
            raise ValueError(
                f"a forecast needs a horizon of 1 or more, and keep within 0..{len(symbols)}, the "
                f"signal; got {horizon} and {origin}"
            )
        drawn = sampling.complete(
            self.model,
            symbols[:origin],
            count,
            self.space,
            length=origin + horizon,
            given=given,
            prior=prior,
            temperature=temperature,
            memory=self.memory,
            generator=generator,
        )
        paths = self.signal.decode(drawn.symbols)[:, origin:].double()
        return Forecast(
            draws=replace(drawn, signal=self.signal),
            origin=origin,
            truth=self.signal.decode(symbols).double(),
            bands=bands(paths, levels),
        )

    def rolling(
        self,
        signals: Signals,
        *,
        horizon: int,
        origins: int | None = None,
        first: int = 0,
        paths: int = 64,
        levels: Sequence[float] = (0.5, 0.9),
        given: Given | None = None,
        prior: Prior | None = None,
        generator: Generator | None = None,
        **reading: Unpack[Reading],
    ) -> Rolling:
        """Forecast signals from origins along them, against how they went on.

        Errors are in the unit of the signal; see ``autoreg.queries.rolling``.
        """
        self._one_order("a rolling forecast")
        symbols, lengths, _ = self.encode(signals, **reading)
        return rolling(
            self.model,
            symbols,
            self.space.log_prior(prior, given).expand(len(symbols), -1),
            horizon=horizon,
            origins=origins,
            first=first,
            lengths=lengths,
            paths=paths,
            levels=levels,
            values=self.levels(),
            memory=self.memory,
            generator=generator,
        )

    def levels(self) -> Float[Tensor, " Q"] | None:
        """Return the number that each symbol stands for; None where they stand for none."""
        codec = getattr(self.signal, "codec", None)
        if codec is None:
            return None
        return codec.decode(torch.arange(self.signal.num_symbols)).double()

    def evidence(
        self,
        signal: Path_ | np.ndarray | Tensor | None = None,
        *,
        seen: Region | None = None,
        hidden: Region | None = None,
        ranges: Sequence[Range] = (),
        symbols: Sequence[Allowed] = (),
        length: int | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        **reading: Unpack[Reading],
    ) -> Evidence:
        """Say what is known, in the signal's own coordinates, for the questions below.

        Args:
            signal: One file or array, all of which is seen unless told otherwise; None for none.
            seen: The region that is seen: a mask in the signal's shape, positions along the scan,
                (rows, columns) of a picture, ``Seconds`` of a sound, or a list of these.
            hidden: The region that is not, instead.
            ranges: (region, low, high): amplitudes, grey levels, values, both bounds included.
            symbols: (region, symbols): sets of symbols.
            length: Symbols altogether, where no signal says it.
            given: Labels that are known.
            prior: Of the conditions; see ``ConditionSpace.log_prior``.
            **reading: How a file is read: ``start``, ``stop`` (seconds), ``mono``, ``resample``.
        """
        codes = None if signal is None else self._one(signal, **reading)
        return knowledge.evidence(
            self.signal,
            codes,
            length=length,
            seen=seen,
            hidden=hidden,
            ranges=ranges,
            allowed=symbols,
            log_condition=self.space.log_prior(prior, given),
        )

    def surprise(
        self,
        signal: Path_ | np.ndarray | Tensor,
        *,
        given: Given | None = None,
        prior: Prior | None = None,
        **reading: Unpack[Reading],
    ) -> Answer:
        """Return -log p(x_t | x_<t, given) of every symbol, (T,) nats in the order of the scan."""
        self._one_order("surprise")
        codes = self._one(signal, **reading)
        log_condition = self.space.log_prior(prior, given)
        return likelihood.surprise(self.model, codes, log_condition, memory=self.memory)

    def probability(
        self,
        target: Evidence | Event,
        evidence: Evidence | None = None,
        *,
        effort: Effort | None = None,
        method: str | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return log P(target | evidence); see ``autoreg.probability``."""
        if isinstance(self.model, Mixture):
            if isinstance(target, Event):
                self.model.refuse("an event")
            return mixed.log_probability(
                self.model,
                target,
                evidence,
                effort=self._effort(effort, method),
                generator=generator,
            )
        return probability.probability(
            self.model,
            target,
            evidence,
            effort=self._effort(effort, method),
            generator=generator,
        )

    def infill(
        self,
        signal: Path_ | np.ndarray | Tensor | None = None,
        *,
        draws: int = 64,
        evidence: Evidence | None = None,
        hidden: Region | None = None,
        seen: Region | None = None,
        ranges: Sequence[Range] = (),
        symbols: Sequence[Allowed] = (),
        length: int | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        effort: Effort | None = None,
        method: str | None = None,
        generator: Generator | None = None,
        **reading: Unpack[Reading],
    ) -> Draws:
        """Draw what is hidden given what is seen, before and after it; see ``autoreg.infill``.

        What is known is said as in ``evidence``, or given as ``evidence``.
        """
        if evidence is None:
            evidence = self.evidence(
                signal,
                seen=seen,
                hidden=hidden,
                ranges=ranges,
                symbols=symbols,
                length=length,
                given=given,
                prior=prior,
                **reading,
            )
        elif signal is not None:
            raise ValueError("infill needs either a signal and what of it is hidden, or evidence")
        effort = self._effort(effort, method)
        if isinstance(self.model, Mixture):
            drawn = mixed.infill(
                self.model, evidence, draws, self.space, effort=effort, generator=generator
            )
        else:
            drawn = infill(
                self.model, evidence, draws, self.space, effort=effort, generator=generator
            )
        return replace(drawn, signal=self.signal)

    def marginals(
        self,
        evidence: Evidence,
        *,
        effort: Effort | None = None,
        method: str | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return log p(x_t = v | evidence), (H, Q); see ``autoreg.marginals``."""
        self._one_order("marginals")
        effort = self._effort(effort, method)
        return marginals(self.model, evidence, effort=effort, generator=generator)

    def hitting(
        self,
        among: Sequence[int],
        evidence: Evidence,
        *,
        effort: Effort | None = None,
        method: str | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return the law of the first hit of a set of symbols; see ``autoreg.hitting``."""
        self._one_order("hitting")
        effort = self._effort(effort, method)
        return hitting(self.model, among, evidence, effort=effort, generator=generator)

    def entropy(
        self,
        evidence: Evidence,
        *,
        of: str | Sequence[str] | None = None,
        effort: Effort | None = None,
        method: str | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return how much is still unknown, in nats.

        Args:
            evidence: What is known.
            of: A factor or factors, whose labels are meant; all that is hidden of the signal if
                None.
            effort: How much work it may be.
            method: Forces one.
            generator: Source of all chance.
        """
        effort = self._effort(effort, method)
        if of is None:
            self._one_order("entropy of symbols")
            return information.entropy(self.model, evidence, effort=effort, generator=generator)
        labels = self._posterior_given(evidence, of, effort=effort, generator=generator)
        return information.uncertainty(labels)

    def information(
        self,
        evidence: Evidence,
        *,
        of: str | Sequence[str] | None = None,
        effort: Effort | None = None,
        method: str | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return what each hidden symbol would tell of a factor; see ``autoreg.information``."""
        self._one_order("information")
        return information.information(
            self.model,
            evidence,
            self.space,
            of=self.target if of is None else of,
            effort=self._effort(effort, method),
            generator=generator,
        )

    def learning_curve(
        self,
        *,
        length: int | None = None,
        seconds: float | None = None,
        of: str | Sequence[str] | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return what the first t symbols tell of a factor on average, for every t, in nats."""
        self._one_order("learning_curve")
        told = self._length(length, seconds)
        if told is None:
            raise ValueError("length is needed: the model knows signals of any length")
        return information.learning_curve(
            self.model,
            told,
            self.space,
            of=self.target if of is None else of,
            log_condition=self.space.log_prior(prior, given),
            effort=self._effort(effort, None),
            generator=generator,
        )

    def argmax(
        self,
        evidence: Evidence,
        *,
        effort: Effort | None = None,
        method: str | None = None,
    ) -> Best:
        """Return the most likely completion and labels; see ``autoreg.argmax``."""
        self._one_order("argmax")
        return argmax(self.model, evidence, self.space, effort=self._effort(effort, method))

    def divergence(
        self,
        first: Given,
        second: Given,
        *,
        other: Density | None = None,
        length: int | None = None,
        seconds: float | None = None,
        prior: Prior | None = None,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return KL(p(. | first) || p(. | second)) in nats; see ``autoreg.divergence``.

        The second may be another density of the same symbols.
        """
        self._one_order("divergence")
        told, beside = self._length(length, seconds), self if other is None else other
        beside._one_order("divergence")
        if beside.signal.config() != self.signal.config():
            raise ValueError(
                "a divergence needs densities of the same signals; "
                f"got {self.signal.config()} and {beside.signal.config()}"
            )
        return compare.divergence(
            self.model,
            self.evidence(length=told, given=first, prior=prior),
            beside.evidence(length=told, given=second, prior=prior),
            other_model=beside.model,
            effort=self._effort(effort, None),
            generator=generator,
        )

    def log_odds(
        self,
        signal: Path_ | np.ndarray | Tensor,
        first: Given,
        second: Given,
        *,
        prior: Prior | None = None,
        **reading: Unpack[Reading],
    ) -> Answer:
        """Return log p(signal | first) - log p(signal | second), exact."""
        codes = self._one(signal, **reading)[None]
        answer = compare.log_odds(
            self.model, codes, self.space, first, second, prior=prior, memory=self.memory
        )
        return replace(answer, value=answer.value[0])

    def certify(
        self,
        hidden: Region,
        *,
        count: int = 8,
        length: int | None = None,
        seconds: float | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return how far off log evidence is where the model's own signals are hidden.

        See ``autoreg.certify``; signals are of ``length`` symbols, or ``seconds``.
        """
        self._one_order("certify")
        told = self._length(length, seconds)
        if told is None:
            raise ValueError("length is needed: the model knows signals of any length")
        return certify(
            self.model,
            ~self.signal.where(hidden, told),
            log_condition=self.space.log_prior(prior, given),
            count=count,
            effort=self._effort(effort, None),
            generator=generator,
        )

    def ask(
        self,
        question: str,
        *,
        generator: Generator | None = None,
        **bindings: Any,  # noqa: ANN401 - files, arrays, masks, sets
    ) -> Answer | Draws:
        """Answer a question written as probability is written, e.g. "P(digit | x[:32])".

        Args:
            question: See ``autoreg.language.parser``.
            generator: Source of all chance.
            **bindings: What names in the question stand for: ``x="clip.wav"``, an array, a mask.
        """
        self._one_order("a question in words")
        return language.ask(self, question, generator=generator, **bindings)

    def distribution(
        self,
        length: int | None = None,
        *,
        given: Given | None = None,
        prior: Prior | None = None,
        generator: Generator | None = None,
    ) -> SequenceDistribution:
        """Return a ``torch.distributions`` view of the symbols under what is given."""
        self._one_order("distribution")
        return SequenceDistribution(
            self.model,
            self._length(length, None),
            space=self.space,
            given=given,
            prior=prior,
            generator=generator,
        )

    def explain(
        self,
        evidence: Evidence,
        event: Event | None = None,
        *,
        effort: Effort | None = None,
        method: str | None = None,
    ) -> str:
        """Return how a question about evidence would be answered, without answering it."""
        self._one_order("explain")
        effort = self._effort(effort, method)
        return probability.explain(self.model, evidence, event, effort=effort)

    def with_local(self, local: Path_ | np.ndarray | Tensor, *, start: float = 0.0) -> Density:
        """Return this density given the features that accompany a signal, such as a spectrogram.

        Whatever is asked of the result is asked given these: scores, posteriors, draws, infills.

        Args:
            local: The features of each frame, (N, F), or a .npy file of them; frame n covers
                samples n * hop to (n + 1) * hop - 1.
            start: Where signals begin, in seconds after the features do: that from which they are
                read.

        Raises:
            ValueError: The model takes no such features, or others.
        """
        model, signal = self.model, self.signal
        if not isinstance(model, WaveNet) or model.upsampling is None:
            raise ValueError("with_local needs a model trained with features at a hop (--local)")
        frames = read_frames(local) if isinstance(local, str | Path) else torch.as_tensor(local)
        if frames.ndim != 2 or not frames.is_floating_point() or not bool(frames.isfinite().all()):
            raise ValueError(
                "local features need finite floating numbers of shape (N, F); "
                f"got {frames.dtype} of shape {tuple(frames.shape)}"
            )
        if start and not isinstance(signal, Sound):
            raise ValueError(f"start is for sounds; this is a {signal.kind}")
        begun = round(start * signal.sample_rate) if isinstance(signal, Sound) else 0
        return replace(self, model=model.with_features(frames[None], phase=torch.tensor([begun])))

    def encode(
        self, signals: Signals, **reading: Unpack[Reading]
    ) -> tuple[Int[Tensor, "B T"], Int[Tensor, " B"] | None, bool]:
        """Return symbols (B, T), lengths (B,) or None if all equal, and whether it was one."""
        if isinstance(signals, str | Path):
            return self._read(signals, **reading).long()[None], None, True
        if isinstance(signals, np.ndarray | Tensor):
            if reading:
                raise ValueError(f"{', '.join(reading)} tell how files are read; got an array")
            symbols = self.signal.encode(signals).long()
            return (symbols[None] if symbols.ndim == 1 else symbols), None, symbols.ndim == 1
        rows = [self._read(path, **reading).long() for path in signals]
        if not rows:
            raise ValueError("signals needs at least one file; got an empty list")
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return padded, torch.tensor([len(row) for row in rows]), False

    def pieces(
        self, path: Path_, rows: int, **reading: Unpack[Reading]
    ) -> Iterator[Integer[Tensor, "1 L"]]:
        """Yield one file's symbols in pieces that ``rows`` conditions can be scored on at once."""
        size = scoring.piece_length(self.model, rows, self.memory)
        if isinstance(self.signal, Sound):
            blocks: Iterator[Tensor] = self.signal.blocks(path, **reading)
        else:
            blocks = iter([self._read(path, **reading)])
        for block in blocks:
            for piece in block.split(size) if len(block) > size else (block,):
                yield piece[None]

    def _read(self, path: Path_, **reading: Unpack[Reading]) -> Integer[Tensor, " T"]:
        if isinstance(self.signal, Sound):
            return self.signal.read(path, **reading)
        if reading:
            raise ValueError(
                f"{', '.join(reading)} tell how sounds are read; this is a {self.signal.kind}"
            )
        return self.signal.read(path)

    def _one(
        self, signal: Path_ | np.ndarray | Tensor, **reading: Unpack[Reading]
    ) -> Int[Tensor, " T"]:
        symbols, _, alone = self.encode(signal, **reading)
        if not alone:
            raise ValueError(f"this question is about one signal; got {len(symbols)}")
        return symbols[0]

    def _beginning(
        self, symbols: Int[Tensor, " T"], keep: int | None, seconds: float | None
    ) -> Int[Tensor, " P"]:
        if keep is None and seconds is None:
            return symbols
        kept = self._length(keep, seconds)
        if kept is None or not 0 <= kept <= len(symbols):
            raise ValueError(f"keep needs to lie within 0..{len(symbols)}, the signal; got {kept}")
        return symbols[:kept]

    def _posterior_given(
        self,
        evidence: Evidence,
        of: str | Sequence[str] | None,
        *,
        effort: Effort,
        generator: Generator | None,
    ) -> Posterior:
        of = self.target if of is None else of
        if isinstance(self.model, Mixture):
            return mixed.posterior_given(
                self.model, evidence, self.space, of=of, effort=effort, generator=generator
            )
        return posterior_given(
            self.model, evidence, self.space, of=of, effort=effort, generator=generator
        )

    def _one_order(self, what: str) -> None:
        """Refuse a question that goes along the scan where there are several."""
        if isinstance(self.model, Mixture):
            self.model.refuse(what)

    def _effort(self, effort: Effort | None, method: str | None) -> Effort:
        effort = Effort(memory=self.memory) if effort is None else effort
        return effort if method is None else replace(effort, method=method)

    def _length(self, length: int | None, seconds: float | None) -> int | None:
        if seconds is None:
            return self.signal.length if length is None else length
        if length is not None or not isinstance(self.signal, Sound):
            raise ValueError(
                f"seconds are for sounds, instead of a length; this is a {self.signal.kind}"
            )
        return round(seconds * self.signal.sample_rate)


def _row(answer: Answer) -> Answer:
    count = answer.num_symbols
    return replace(answer, value=answer.value[0], num_symbols=None if count is None else count[0])


def _posterior_row(answer: Posterior) -> Posterior:
    return replace(answer, value=answer.value[0], log_evidence=answer.log_evidence[0])
