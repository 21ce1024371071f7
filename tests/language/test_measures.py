"""Entropies, information and odds are those of laws that are written out."""

import math

import pytest
import torch

from autoreg.answers import Posterior
from autoreg.language.evaluate import ask, ask_each
from autoreg.language.measures import _odds
from tests.language.worlds import alike, entropy, law, near, yes


@pytest.mark.parametrize(
    ("question", "value", "given"),
    [
        ("H(digit | x[:2])", lambda x, s, d: d, alike(0, 1)),
        ("H(digit, speaker | x[1])", lambda x, s, d: (d, s), alike(1)),
        ("H(x[2] | x[:2])", lambda x, s, d: x[2], alike(0, 1)),
        ("H(x[2:] | x[:2])", lambda x, s, d: (*x[2:],), alike(0, 1)),
        ("H(x[1:3] | x[0])", lambda x, s, d: (*x[1:3],), alike(0)),
        ("H(x[2] | x[0])", lambda x, s, d: x[2], alike(0)),
        ("H(x)", lambda x, s, d: (*x,), yes),
    ],
)
def test_entropies_are_those_of_laws(plain, question, value, given):
    answer = ask(plain.density, question, x=plain.x)
    assert float(answer) == near(entropy(law(plain, value, given).values()))


def test_information_is_what_a_position_takes_off_the_entropy(plain):
    answer = ask(plain.density, "I(digit; x[2] | x[:2])", x=plain.x)
    joint = law(plain, lambda x, s, d: (x[2], d), alike(0, 1))
    symbol, label = (
        law(plain, lambda x, s, d: x[2], alike(0, 1)),
        law(plain, lambda x, s, d: d, alike(0, 1)),
    )
    wanted = entropy(symbol.values()) + entropy(label.values()) - entropy(joint.values())
    assert float(answer) == near(wanted)
    (told,) = ask_each(plain.density, "look(digit | x[:2])", x=plain.x)
    assert list(told.positions) == [2, 3]
    assert float(told.answer.value[0]) == near(wanted)
    (there,) = ask_each(plain.density, "look(digit, x[3] | x[:2])", x=plain.x)
    assert list(there.positions) == [3]
    assert float(there.answer.value) == near(float(told.answer.value[1]))


def test_log_odds_are_of_the_posterior(plain):
    for seen, given in (("x", alike(0, 1, 2, 3)), ("x[1:]", alike(1, 2, 3))):
        for clause, prior in (("", None), ("prior training", [0.1, 0.2, 0.3, 0.4])):
            question = f"log odds(digit=1 : digit=0 | {seen}, speaker=ann) {clause}"
            answer = ask(plain.density, question, x=plain.x)
            one, two = (
                plain.sum(
                    lambda x, s, d, at=at, given=given: given(x, s, d) and s == "ann" and d == at,
                    prior,
                )
                for at in "10"
            )
            assert float(answer) == near(math.log(one / two))


@pytest.mark.parametrize("log_p", [-3.0, -1e-9, -40.0])
def test_error_of_log_odds_is_that_of_the_two_parts(log_p):
    """With independent parts a and b, Var log(a / b) = Var log a + Var log b."""
    logs = torch.tensor([log_p, math.log(-math.expm1(log_p))], dtype=torch.float64)
    error = 0.3 * (1 - logs.exp())  # d log p_i = (1 - p_i) d log(a / b)
    either = Posterior(
        value=logs,
        kind="consistent",
        method="particles",
        of=("digit",),
        labels=("0", "1"),
        log_evidence=torch.zeros((), dtype=torch.float64),
        std_error=error,
    )
    odds = _odds(either, [0, 1])
    assert float(odds.value) == near(float(logs[0] - logs[1]))
    assert float(odds.std_error) == pytest.approx(0.3)


def test_divergence_is_between_laws_of_whole_signals(plain):
    answer = ask(plain.density, "KL(digit=0 || digit=1, speaker=ann) length 4")
    one = law(plain, lambda x, s, d: (*x,), lambda x, s, d: d == "0")
    two = law(plain, lambda x, s, d: (*x,), lambda x, s, d: (s, d) == ("ann", "1"))
    assert float(answer) == near(sum(w * math.log(w / two[key]) for key, w in one.items()))


def test_surprise_adds_up_to_the_likelihood(plain):
    (told,) = ask_each(plain.density, "surprise(x[1:] | digit=1)", x=plain.x)
    assert list(told.positions) == [1, 2, 3]
    first = plain.share(alike(0), lambda x, s, d: d == "1")
    whole = plain.share(alike(0, 1, 2, 3), lambda x, s, d: d == "1")
    assert float(told.answer.value.sum()) == near(math.log(first / whole))
