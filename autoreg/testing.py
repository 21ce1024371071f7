"""The laws that every sequence model obeys, for anybody's model."""

import contextlib
import functools
import itertools
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.events import Rules
from autoreg.protocol import SequenceModel, State
from autoreg.walks.walking import walk

ENUMERABLE = 1_000
"""The most sequences that the mass law adds up."""


def check_sequence_model(
    model: SequenceModel,
    *,
    length: int | None = None,
    tolerance: float | None = None,
    seed: int = 0,
) -> None:
    """Raise AssertionError at the first law that a model breaks, naming the law.

    The laws: factors are normalised, and the mass of all sequences is 1; stepping, reading,
    writing out every distribution and a walk along a forced path give the same factors; a state
    can be kept, gathered and advanced twice; a sequence in a batch of unequal lengths is scored as
    alone; no factor sees its future, nor what lies further back than ``order``; crops are scored
    as in the whole sequence, if the model is stationary; nothing follows the last symbol, if there
    is one; empty prefixes, empty sequences and batches of one work; the head's masses and draws
    agree with its density.

    Args:
        model: Any sequence model, in evaluation mode.
        length: Length of the random sequences that are tried, at most the model's own. What
            ``order`` and ``stationary`` claim shows only in sequences longer than the order by two
            or more; None is the order and three more, within 7..64.
        tolerance: Largest difference of two log factors; 1e-10 in float64 and 1e-4 else.
        seed: Of the random symbols, conditions and uniforms.
    """
    with torch.no_grad():
        laws = Laws(model, length=length, tolerance=tolerance, seed=seed)
        for law in LAWS:
            law(laws)


class Laws:
    """The laws as methods, each of which raises AssertionError with the law's name."""

    def __init__(
        self,
        model: SequenceModel,
        *,
        length: int | None = None,
        tolerance: float | None = None,
        seed: int = 0,
    ) -> None:
        length = min(max(7, (model.order or 0) + 3), 64) if length is None else length
        length = length if model.length is None else min(length, model.length)
        condition = torch.arange(min(model.num_conditions, 4)).repeat_interleave(2)
        state = model.start(condition)
        if tolerance is None:
            tolerance = 1e-10 if state.next.dtype == torch.float64 else 1e-4
        self.model, self.tolerance = model, tolerance
        self.generator = Generator().manual_seed(seed)
        self.condition = condition.to(state.next.device)
        symbols = torch.randint(
            model.num_symbols, (len(condition), length), generator=self.generator
        )
        self.symbols = symbols.to(state.next.device)
        self.factors = scoring.log_factors(model, self.symbols, self.condition)
        if bool(self.factors.isneginf().any()):
            # The laws are tried where the model goes: along draws, where it forbids something.
            free, uniforms = Rules.free(model.num_symbols, length), self.uniforms(length)
            self.symbols = walk(model, state, free, uniforms).symbols
            self.factors = scoring.log_factors(model, self.symbols, self.condition)

    @functools.cached_property
    def changes(self) -> list[tuple[Tensor, Tensor]]:
        """For each position, sequences with another symbol there, and their factors."""
        found = []
        for at in range(self.symbols.shape[1]):
            changed = self.symbols.clone()
            changed[:, at] = (changed[:, at] + 1) % self.model.num_symbols
            found.append((changed, scoring.log_factors(self.model, changed, self.condition)))
        return found

    def uniforms(self, *shape: int) -> Tensor:
        """Return random numbers for each row, float64."""
        shape = (len(self.condition), *shape)
        uniforms = torch.rand(shape, dtype=torch.float64, generator=self.generator)
        return uniforms.to(self.condition.device)

    def close(self, left: Tensor, right: Tensor, law: str) -> None:
        """Demand two tensors within the tolerance."""
        _demand(left.shape == right.shape, f"{law}: shapes {left.shape} and {right.shape}")
        # Equal infinities are no distance apart.
        apart = torch.where(left == right, 0.0, (left - right).abs())
        off = float(apart.max()) if apart.numel() else 0.0
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
        length = min(self.symbols.shape[1], 6)
        while model.num_symbols**length > ENUMERABLE:
            length -= 1
        every = list(itertools.product(range(model.num_symbols), repeat=length))
        space = self.symbols.new_tensor(every)
        for condition in self.condition.unique():
            one = condition.expand(len(space))
            total = float(scoring.log_factors(model, space, one).sum(1).logsumexp(0))
            law = f"the mass of all sequences is one: its log is {total:.3g}"
            _demand(abs(total) <= length * self.tolerance, law)

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
            begin = self.model.start(self.condition)
            first, middle = self.model.read(begin, self.symbols[:, :cut])
            second, last = self.model.read(middle, self.symbols[:, cut:])
            both = torch.cat([first, second], 1)
            self.close(both, self.factors, "reading in two pieces equals reading at once")
            self.same(last, state, "the state after reading is the state after stepping")

    def same(self, left: State, right: State, law: str) -> None:
        """Demand two equal states."""
        self.close(left.next, right.next, law)
        _demand(len(left.memory) == len(right.memory), f"{law}: as many tensors")
        for one, other in zip(left.memory, right.memory, strict=True):
            self.close(one.double(), other.double(), law)

    def walk_equals_scoring(self) -> None:
        """A walk whose sets hold one symbol each reports the factors, whatever its uniforms."""
        model, length = self.model, self.symbols.shape[1]
        uniforms = self.uniforms(length)
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
        index = torch.arange(len(self.condition), device=self.condition.device).flip(0).repeat(2)
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
        for row, factors in enumerate(self.factors):
            own, one = self.symbols[row : row + 1], self.condition[row : row + 1]
            alone = scoring.log_factors(self.model, own, one)[0]
            self.close(alone, factors, "a row of a batch is scored as alone")

    def padding_counts_nothing(self) -> None:
        """A row that ends early is scored as alone; its padding counts 0."""
        ends = [(3 * row) % (self.symbols.shape[1] + 1) for row in range(len(self.symbols))]
        lengths = self.condition.new_tensor(ends)
        padded = scoring.log_factors(self.model, self.symbols, self.condition, lengths)
        for row, end in enumerate(ends):
            own, one = self.symbols[row : row + 1, :end], self.condition[row : row + 1]
            alone = scoring.log_factors(self.model, own, one)[0]
            self.close(padded[row, :end], alone, "a row that ends early is scored as alone")
            _demand(bool((padded[row, end:] == 0).all()), "padded factors are exactly 0")

    def no_factor_sees_its_future(self) -> None:
        """Changing symbol t leaves the factors before t bit-equal, and t's distribution too."""
        rows = self.model.log_probs(self.symbols, self.condition)
        for at, (changed, other) in enumerate(self.changes):
            equal = torch.equal(other[:, :at], self.factors[:, :at])
            _demand(equal, f"no factor sees its future: changing symbol {at} moved an earlier one")
            others = self.model.log_probs(changed, self.condition)
            equal = torch.equal(rows[:, : at + 1], others[:, : at + 1])
            _demand(equal, f"no distribution sees its own symbol: changing {at} moved its row")

    def no_factor_sees_beyond_the_order(self) -> None:
        """Changing symbol t leaves the factors beyond t + order bit-equal."""
        if self.model.order is None:
            return
        for at, (_, other) in enumerate(self.changes):
            beyond = at + self.model.order + 1
            equal = torch.equal(other[:, beyond:], self.factors[:, beyond:])
            _demand(equal, f"order {self.model.order}: changing symbol {at} moved one beyond it")

    def crops_equal_the_whole(self) -> None:
        """A crop's factors, after as many symbols as the order, are those of the whole."""
        order = self.model.order
        if order is None or not self.model.stationary:
            return
        skip = torch.full_like(self.condition, order)
        for first in range(1, self.symbols.shape[1] - order):
            crop = self.symbols[:, first:]
            factors = scoring.log_factors(self.model, crop, self.condition, skip=skip)
            law = "stationary: a crop is scored as in the whole"
            self.close(factors[:, order:], self.factors[:, first + order :], law)

    def nothing_follows_the_end(self) -> None:
        """A model of one length refuses a symbol more, step by step or read at once."""
        model, one = self.model, self.condition[:1]
        if model.length is None:
            return
        _, end = model.read(model.start(one), one.new_zeros(1, model.length))
        for go in (lambda: model.step(end, one * 0), lambda: model.read(end, one[:, None] * 0)):
            with contextlib.suppress(ValueError):
                go()
                raise AssertionError(f"length {model.length}: one symbol more is a ValueError")

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
        alphabet = self.model.num_symbols
        logs = head.log_probs(params).double()
        sets = self.uniforms(alphabet) < 0.5
        massless = ~(sets & ~logs.isneginf()).any(-1)
        sets[massless, logs.argmax(-1)[massless]] = True
        inside = logs.masked_fill(~sets, -torch.inf)
        self.close(head.log_mass(params, sets), inside.logsumexp(-1), "a mass is a sum")
        no_mass = head.log_mass(params, torch.zeros_like(sets))
        _demand(bool(no_mass.isneginf().all()), "an empty set has no mass")
        shares = inside.softmax(-1)
        chance = self.uniforms()
        for uniforms in (chance, 0 * chance, torch.full_like(chance, 1 - 2**-53)):
            drawn = head.draw(params, sets, uniforms)[:, None]
            _demand(bool(sets.gather(1, drawn).all()), "a draw lies within its set")
            above = shares.cumsum(-1).gather(1, drawn)[:, 0]
            below = above - shares.gather(1, drawn)[:, 0]
            fits = (uniforms <= above + self.tolerance) & (uniforms >= below - self.tolerance)
            _demand(bool(fits.all()), "a draw is the inverse of the cumulative mass")


def _demand(holds: bool, law: str) -> None:  # noqa: FBT001 - the one thing it asks
    if not holds:
        raise AssertionError(law)


LAWS: tuple[Callable[[Laws], None], ...] = (
    Laws.normalised,
    Laws.mass_of_all_sequences_is_one,
    Laws.reading_equals_writing_out,
    Laws.reading_equals_stepping,
    Laws.walk_equals_scoring,
    Laws.state_is_a_value,
    Laws.rows_are_independent,
    Laws.padding_counts_nothing,
    Laws.no_factor_sees_its_future,
    Laws.no_factor_sees_beyond_the_order,
    Laws.crops_equal_the_whole,
    Laws.nothing_follows_the_end,
    Laws.empty_is_legal,
    Laws.head_is_consistent,
)
"""In the order in which they are tried: what later laws rest on comes first."""
