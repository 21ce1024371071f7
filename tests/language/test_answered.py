"""An answer with its question is plain data, and answers of one kind make a table."""

import json
import math

import pytest
import torch

from autoreg.answers import Answer, Cost, Draws, Posterior
from autoreg.language.answered import Answered, interval, pick, stack
from autoreg.language.parser import parse
from autoreg.language.places import Seconds


def answer(value, **parts):
    parts = {"method": "one score", **parts}
    tensors = {
        name: torch.tensor(part, dtype=torch.float64) if isinstance(part, float | list) else part
        for name, part in {"value": value, **parts}.items()
        if name != "confidence"
    }
    return Answer(**{**tensors, "confidence": parts.get("confidence")})


def told(question, found, **parts):
    return Answered(question=parse(question), answer=found, **parts).to_dict()


@pytest.mark.parametrize("question", ["P(x)", "log P(x)"])
def test_a_probability_is_told_with_its_log(question):
    found = told(question, answer(math.log(0.25), kind="unbiased", std_error=0.1))
    assert (found["p"], found["log_p"], found["value"]) == (
        pytest.approx(0.25),
        math.log(0.25),
        math.log(0.25),
    )
    low, high = found["interval"]
    assert (low + high) / 2 == pytest.approx(math.log(0.25))
    assert high - low == pytest.approx(2 * 1.96 * 0.1, rel=1e-3)
    for name in ("question", "kind", "method", "std_error", "cost", "reliable", "reason"):
        assert name in found


def test_nats_are_no_probability():
    assert "p" not in told("H(x)", answer(0.5))


def test_where_it_stands_and_what_it_is_about_is_told():
    found = told(
        "marginal(x[:t]) for t in 1s..2s step 1s",
        answer([[0.0]]),
        line=3,
        loop={"t": Seconds(1.0)},
        positions=[4],
    )
    assert (found["line"], found["for"], found["positions"]) == (3, {"t": 1.0}, [4])
    json.dumps(found)


def test_draws_tell_their_labels_and_how_likely_the_given_is():
    draws = Draws(
        symbols=torch.tensor([[1, 2]]),
        condition=torch.tensor([0]),
        labels=({"digit": "0"},),
        log_weights=torch.zeros(1, dtype=torch.float64),
        method="ancestral sampling",
        log_evidence=answer(-1.5),
    )
    found = told("sample(x)", draws)
    assert (found["symbols"], found["labels"]) == ([[1, 2]], [{"digit": "0"}])
    assert found["log_evidence"]["value"] == -1.5
    assert found["log_evidence"]["interval"] == [-1.5, -1.5]
    json.dumps(found)


def test_bounds_are_the_interval_and_what_is_not_known_is_none():
    assert interval(answer(-1.0, kind="bounds", lower=-1.0, upper=-0.5)) == [-1.0, -0.5]
    assert interval(answer(-1.0, kind="consistent")) is None


def test_an_entry_keeps_its_own_error():
    law = answer([-1.0, -2.0], std_error=[0.1, 0.2], kind="consistent", ess=7.0)
    assert (float(pick(law, 1).value), float(pick(law, 1).std_error)) == (-2, 0.2)
    assert float(pick(law, 1).ess) == 7
    assert pick(law, torch.tensor([False, True])).std_error.tolist() == [0.2]


def test_a_table_is_as_good_as_its_worst_row():
    one = answer([-1.0], cost=Cost(1, 2, 3.0))
    two = answer(
        [-2.0], kind="unbiased", std_error=[0.3], method="particles", reliable=False, reason="few",
        cost=Cost(10, 20, 30.0),
    )  # fmt: skip
    table = stack([one, two])
    assert table.value.tolist() == [[-1], [-2]]
    assert (table.kind, table.method) == ("unbiased", "one score; particles")
    assert table.std_error.tolist() == [[0], [0.3]]
    assert (table.reliable, table.reason) == (False, "few")
    assert (table.cost.stepped, table.cost.scored, table.cost.seconds) == (11, 22, 33)


def test_posteriors_of_a_table_keep_their_labels():
    one = Posterior(
        value=torch.zeros(2).double(),
        of=("digit",),
        labels=("0", "1"),
        log_evidence=torch.tensor(-3.0).double(),
        method="m",
    )
    table = stack([one, one])
    assert table.labels == ("0", "1")
    assert table.log_evidence.tolist() == [-3, -3]


def test_rows_of_several_lengths_make_no_table():
    with pytest.raises(ValueError, match=r"the answers have the shapes \(1,\), \(2,\)"):
        stack([answer([0.0]), answer([0.0, 0.0])])
