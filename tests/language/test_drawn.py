"""What is drawn, or most likely, keeps what is given."""

import math

import pytest
import torch

from autoreg.language.evaluate import ask, ask_each
from tests.language.worlds import alike, hits, law, near


def test_draws_keep_what_is_given(plain):
    draws = ask(
        plain.density,
        "sample(x[1:] | x[0], x[3] in 0..1, digit=1) * 5",
        x=plain.x,
        generator=torch.Generator().manual_seed(0),
    )
    assert draws.symbols.shape == (5, 4)
    assert (draws.symbols[:, 0] == 2).all()
    assert (draws.symbols[:, 3] < 2).all()
    assert {label["digit"] for label in draws.labels} == {"1"}
    wanted = plain.share(lambda x, s, d: x[0] == 2 and x[3] < 2, lambda x, s, d: d == "1")
    assert float(draws.log_evidence.value.exp()) == near(wanted)


def test_what_is_bound_may_be_continued(sound):
    question = "sample(x[4:] | x) * 3 length 6"
    draws = ask(sound.density, question, x=sound.x, generator=torch.Generator().manual_seed(0))
    assert draws.symbols.shape == (3, 6)
    assert draws.symbols[:, :4].tolist() == [sound.symbols] * 3


def test_one_seed_gives_one_answer(sound):
    one, two = (
        ask(
            sound.density,
            "sample(x) * 3 length 0.7s",
            generator=torch.Generator().manual_seed(1),
        )
        for _ in range(2)
    )
    assert one.symbols.shape == (3, 7)
    assert torch.equal(one.symbols, two.symbols)


def test_argmax_is_the_greatest_of_all(plain):
    answer = ask(plain.density, "argmax(digit, x[2:] | x[:2], speaker=ann)", x=plain.x)
    found = law(
        plain, lambda x, s, d: (*x, d), lambda x, s, d: alike(0, 1)(x, s, d) and s == "ann"
    )
    *symbols, digit = max(found, key=found.get)
    assert (answer.symbols.tolist(), answer.labels["digit"]) == (symbols, digit)
    (told,) = ask_each(plain.density, "argmax(digit, x[2:] | x[:2], speaker=ann)", x=plain.x)
    known = told.to_dict()
    assert (known["symbols"], known["labels"]["digit"]) == (symbols, digit)
    whole = plain.sum(lambda x, s, d: (x, s, d) == (symbols, "ann", digit))
    assert known["value"] == near(math.log(2 * whole)), "log p of labels and symbols"
    label = ask(plain.density, "argmax(digit | x[:2])", x=plain.x)
    assert label.best == ask(plain.density, "P(digit | x[:2])", x=plain.x).best


def test_marginals_are_of_the_positions_that_are_asked_for(plain):
    (told,) = ask_each(plain.density, "marginal(x[1:3] | x[0], digit=1)", x=plain.x)
    assert list(told.positions) == [1, 2]
    given = lambda x, s, d: x[0] == 2 and d == "1"
    for row, at in enumerate(told.positions):
        wanted = [plain.share(lambda x, s, d, v=v, at=at: x[at] == v, given) for v in range(3)]
        assert told.answer.value[row].exp().tolist() == near(wanted)


@pytest.mark.parametrize(
    ("question", "stop"),
    [("hitting(x, 0..1 | x[0])", 4), ("hitting(x[1:3], 0..1 | x[0])", 3)],
)
def test_law_of_the_first_hit_ends_with_none(plain, question, stop):
    (told,) = ask_each(plain.density, question, x=plain.x)
    assert list(told.positions) == list(range(1, stop))
    wanted = [
        plain.share(lambda x, s, d, at=at: x[at] < 2 and not hits(x, (0, 1), 1, at), alike(0))
        for at in told.positions
    ]
    wanted.append(plain.share(lambda x, s, d: not hits(x, (0, 1), 1, stop), alike(0)))
    assert told.answer.value.exp().tolist() == near(wanted)
