"""The laws that every sequence model obeys, for anybody's model."""

import itertools

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.events import Rules
from autoreg.protocol import SequenceModel, State
from autoreg.walks.reference import walk

ENUMERABLE = 20_000
"""The most sequences that the mass law adds up."""


def check_sequence_model(
    model: SequenceModel, *, length: int = 7, tolerance: float | None = None, seed: int = 0
) -> None:
    """Raise AssertionError at the first law that a model breaks, naming the law.

    The laws: factors are normalised, and the mass of all sequences is 1; stepping, reading,
    writing out every distribution and a walk along a forced path give the same factors; a state
    can be kept, gathered and advanced twice; a sequence in a batch is scored as alone; padding
    counts nothing; no factor sees its future, nor what lies further back than ``order``; empty
    prefixes, empty sequences and batches of one work; the head's masses and draws agree with its
    density.

    Args:
        model: Any sequence model, in evaluation mode.
        length: Length of the random sequences that are tried (the model's own, if it has one).
        tolerance: Largest difference of two log factors; 1e-10 in float64 and 1e-4 else.
        seed: Of the random symbols, conditions and uniforms.
    """
    generator = Generator().manual_seed(seed)
    length = model.length or length
    condition = torch.arange(min(model.num_conditions, 4)).repeat_interleave(2)
    symbols = torch.randint(model.num_symbols, (len(condition), length), generator=generator)
    with torch.no_grad():
        state = model.start(condition)
        if tolerance is None:
            tolerance = 1e-10 if state.next.dtype == torch.float64 else 1e-4
        laws = Laws(model, symbols, condition, tolerance, generator)
        for law in (
            laws.normalised,
            laws.mass_of_all_sequences_is_one,
            laws.reading_equals_writing_out,
            laws.reading_equals_stepping,
            laws.walk_equals_scoring,
            laws.state_is_a_value,
            laws.rows_are_independent,
            laws.padding_counts_nothing,
            laws.no_factor_sees_its_future,
            laws.no_factor_sees_beyond_the_order,
            laws.empty_is_legal,
            laws.head_is_consistent,
        ):
            law()


class Laws:
    """The laws as methods, each of which raises AssertionError with the law's name."""

    def __init__(
        self,
        model: SequenceModel,
        symbols: Int[Tensor, "B T"],
        condition: Int[Tensor, " B"],
        tolerance: float,
        generator: Generator,
    ) -> None:
        self.model, self.symbols, self.condition = model, symbols, condition
        self.tolerance, self.generator = tolerance, generator
        self.factors = scoring.log_factors(model, symbols, condition)

    def close(self, left: Tensor, right: Tensor, law: str) -> None:
        """Demand two tensors within the tolerance."""
        _demand(left.shape == right.shape, f"{law}: shapes {left.shape} and {right.shape}")
        off = float((left - right).abs().max()) if left.numel() else 0.0
        _demand(off <= self.tolerance, f"{law}: off by {off:.3g}, tolerance {self.tolerance:.3g}")

    def normalised(self) -> None:
        """Each written-out distribution sums to one and factors are float64."""
        rows = self.model.log_probs(self.symbols, self.condition)
        expected = (*self.symbols.shape, self.model.num_symbols)
        _demand(rows.shape == expected, f"log_probs has shape {tuple(rows.shape)}, not {expected}")
        total = rows.double().logsumexp(-1)
        self.close(total, torch.zeros_like(total), "each row of log_probs sums to one")
        _demand(self.factors.dtype == torch.float64, "factors are float64")

    def mass_of_all_sequences_is_one(self) -> None:
        """The probabilities of all sequences of a length add up to one, given each condition."""
        model = self.model
        length = model.length or min(self.symbols.shape[1], 6)
        while model.length is None and model.num_symbols**length > ENUMERABLE:
            length -= 1
        if length < 1 or model.num_symbols**length > ENUMERABLE:
            return
        space = torch.tensor(list(itertools.product(range(model.num_symbols), repeat=length)))
        for condition in self.condition.unique():
            one = condition.expand(len(space))
            total = scoring.log_factors(model, space, one).sum(1).logsumexp(0)
            off = abs(float(total))
            _demand(
                off <= length * self.tolerance,
                f"the mass of all sequences is one: its log is {float(total):.3g}",
            )

    def reading_equals_writing_out(self) -> None:
        """The factors are the entries of the written-out distributions."""
        rows = self.model.log_probs(self.symbols, self.condition).double()
        picked = rows.gather(-1, self.symbols[..., None])[..., 0]
        self.close(picked, self.factors, "reading equals writing out")

    def reading_equals_stepping(self) -> None:
        """Any mixture of steps and reads gives the same factors and the same states."""
        state, stepped = self.model.start(self.condition), []
        for column in self.symbols.unbind(1):
            stepped.append(self.model.head.log_prob(state.next, column))
            state = self.model.step(state, column)
        self.close(torch.stack(stepped, 1), self.factors, "stepping equals reading")
        for cut in {0, 1, self.symbols.shape[1] // 2, self.symbols.shape[1]}:
            first, middle = self.model.read(
                self.model.start(self.condition), self.symbols[:, :cut]
            )
            second, last = self.model.read(middle, self.symbols[:, cut:])
            both = torch.cat([first, second], 1)
            self.close(both, self.factors, "reading in two pieces equals reading at once")
            self.same(last, state, "the state after reading is the state after stepping")

    def same(self, left: State, right: State, law: str) -> None:
        """Demand two equal states."""
        self.close(left.next, right.next, law)
        for one, other in zip(left.memory, right.memory, strict=True):
            self.close(one.double(), other.double(), law)

    def walk_equals_scoring(self) -> None:
        """A walk whose sets hold one symbol each reports the factors, whatever its uniforms."""
        model, count, length = self.model, *self.symbols.shape
        uniforms = torch.rand(count, length, dtype=torch.float64, generator=self.generator)
        free = Rules.free(model.num_symbols, length)
        forced = walk(model, model.start(self.condition), free, uniforms, path=self.symbols)
        _demand(bool((forced.symbols == self.symbols).all()), "a forced path is the path walked")
        self.close(forced.log_mass, torch.zeros_like(self.factors), "a free set has mass one")
        one_row = torch.nn.functional.one_hot(self.symbols[0], model.num_symbols).bool()
        state = model.start(self.condition[:1])
        single = walk(model, state, Rules.among(one_row), uniforms[:1])
        _demand(bool((single.symbols == self.symbols[:1]).all()), "a singleton set is its symbol")
        self.close(single.log_mass, self.factors[:1], "a walk along a path equals its score")

    def state_is_a_value(self) -> None:
        """A state can be kept, gathered and advanced twice with the same outcome."""
        model, cut = self.model, self.symbols.shape[1] // 2
        _, kept = model.read(model.start(self.condition), self.symbols[:, :cut])
        index = torch.arange(len(self.condition)).flip(0).repeat(2)
        ahead = self.symbols[:, cut:]
        first, _ = model.read(kept, ahead)
        for column in ahead.flip(0).unbind(1):
            model.step(kept, column)
        again, _ = model.read(kept, ahead)
        self.close(first, again, "a state can be advanced twice")
        gathered, _ = model.read(kept.at(index), ahead[index])
        self.close(gathered, first[index], "a gathered state behaves as its row")

    def rows_are_independent(self) -> None:
        """Each row of a batch is scored as alone."""
        for row in range(len(self.symbols)):
            alone = scoring.log_factors(
                self.model, self.symbols[row : row + 1], self.condition[row : row + 1]
            )
            self.close(alone, self.factors[row : row + 1], "a row of a batch is scored as alone")

    def padding_counts_nothing(self) -> None:
        """Factors beyond a row's length are exactly 0 and change none before."""
        count, length = self.symbols.shape
        lengths = torch.arange(count) % (length + 1)
        padded = scoring.log_factors(self.model, self.symbols, self.condition, lengths)
        inside = torch.arange(length) < lengths[:, None]
        _demand(bool((padded[~inside] == 0).all()), "padded factors are exactly 0")
        self.close(padded[inside], self.factors[inside], "padding leaves the other factors alone")

    def no_factor_sees_its_future(self) -> None:
        """Changing symbol t leaves the factors before t bit-equal, and t's distribution too."""
        for at in range(self.symbols.shape[1]):
            changed, other = self._change(at)
            equal = torch.equal(other[:, :at], self.factors[:, :at])
            _demand(equal, f"no factor sees its future: changing symbol {at} moved an earlier one")
            rows = self.model.log_probs(self.symbols, self.condition)
            others = self.model.log_probs(changed, self.condition)
            equal = torch.equal(rows[:, : at + 1], others[:, : at + 1])
            _demand(equal, f"no distribution sees its own symbol: changing {at} moved its row")

    def no_factor_sees_beyond_the_order(self) -> None:
        """Changing symbol t leaves the factors beyond t + order bit-equal."""
        if self.model.order is None:
            return
        for at in range(self.symbols.shape[1]):
            beyond = at + self.model.order + 1
            _, other = self._change(at)
            equal = torch.equal(other[:, beyond:], self.factors[:, beyond:])
            _demand(equal, f"order {self.model.order}: changing symbol {at} moved one beyond it")

    def _change(self, at: int) -> tuple[Tensor, Tensor]:
        changed = self.symbols.clone()
        changed[:, at] = (changed[:, at] + 1) % self.model.num_symbols
        return changed, scoring.log_factors(self.model, changed, self.condition)

    def empty_is_legal(self) -> None:
        """Sequences and prefixes of length 0, and batches of one row, are real inputs."""
        nothing = self.symbols[:1, :0]
        state = self.model.start(self.condition[:1])
        factors, after = self.model.read(state, nothing)
        _demand(factors.shape == (1, 0), "an empty sequence has no factors")
        self.same(after, state, "reading nothing changes nothing")
        rows = self.model.log_probs(nothing, self.condition[:1])
        _demand(rows.shape == (1, 0, self.model.num_symbols), "an empty sequence has no rows")

    def head_is_consistent(self) -> None:
        """Masses are sums of probabilities, and draws invert their cumulative mass."""
        head, params = self.model.head, self.model.start(self.condition).next
        count, alphabet = len(self.condition), self.model.num_symbols
        logs = head.log_probs(params).double()
        sets = torch.rand(count, alphabet, generator=self.generator) < 0.5
        sets[:, 0] |= ~sets.any(-1)
        inside = logs.masked_fill(~sets, -torch.inf)
        self.close(head.log_mass(params, sets), inside.logsumexp(-1), "a mass is a sum")
        uniforms = torch.rand(count, dtype=torch.float64, generator=self.generator)
        drawn = head.draw(params, sets, uniforms)
        _demand(bool(sets.gather(1, drawn[:, None]).all()), "a draw lies within its set")
        shares = inside.softmax(-1).cumsum(-1)
        above = shares.gather(1, drawn[:, None])[:, 0]
        below = above - inside.softmax(-1).gather(1, drawn[:, None])[:, 0]
        fits = (uniforms <= above + self.tolerance) & (uniforms >= below - self.tolerance)
        _demand(bool(fits.all()), "a draw is the inverse of the cumulative mass")


def _demand(holds: bool, law: str) -> None:  # noqa: FBT001 - the one thing it asks
    if not holds:
        raise AssertionError(law)
