"""How far an answer is to be trusted, and what it looks like as plain data."""

import json
import math
from pathlib import Path

import pytest
import torch
from scipy.stats import norm

from autoreg.answers import Answer, Cost, Draws, Posterior

TWO = torch.tensor([-1.5, -2.5], dtype=torch.float64)


def answer(value=TWO, **changes):
    return Answer(**{"value": value, "method": "by hand", **changes})


def posterior(probs, **changes):
    value = torch.tensor(probs, dtype=torch.float64).log()
    labels = tuple("abcdef"[: value.shape[-1]])
    parts = {"of": ("who",), "labels": labels, "log_evidence": torch.zeros(value.shape[:-1])}
    return Posterior(value=value, method="by hand", **{**parts, **changes})


def test_one_number_is_a_float():
    assert float(answer(torch.tensor(-0.25))) == -0.25
    assert float(answer(torch.tensor([[-0.25]]))) == -0.25


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (answer(), r"got exact of shape \(2,\)"),
        (answer(torch.tensor(0.0), kind="bounds"), "no bound can be a float; got bounds"),
    ],
)
def test_several_numbers_or_a_bound_are_no_float(wrong, message):
    with pytest.raises(ValueError, match=message):
        float(wrong)


def test_bits_per_symbol_are_float64_and_nan_for_nothing():
    value = torch.tensor([-3 * math.log(2), -math.log(10), 0.0], dtype=torch.float64)
    bits = answer(value, num_symbols=torch.tensor([3, 7, 0])).bits_per_symbol
    assert bits[:2].tolist() == pytest.approx([1, math.log2(10) / 7], rel=1e-15, abs=0)
    assert bits[2].isnan()


def test_bits_per_symbol_need_symbols():
    with pytest.raises(ValueError, match="not the log probability of symbols"):
        _ = answer().bits_per_symbol


def test_an_exact_answer_is_its_own_interval():
    assert all(bound is TWO for bound in answer().interval(0.999))


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_the_interval_of_an_estimate_is_normal(level):
    error = torch.tensor([0.1, 0.0], dtype=torch.float64)
    lower, upper = answer(kind="unbiased", std_error=error).interval(level)
    reach = norm.ppf((1 + level) / 2)
    assert (TWO - lower).tolist() == pytest.approx([0.1 * reach, 0], rel=1e-12)
    assert (upper - TWO).tolist() == pytest.approx([0.1 * reach, 0], rel=1e-12)


def test_certain_bounds_hold_at_any_level():
    bounds = answer(kind="bounds", lower=TWO - 1, upper=TWO + 1).interval(0.999)
    assert torch.equal(bounds[0], TWO - 1)
    assert torch.equal(bounds[1], TWO + 1)


def test_a_side_without_a_bound_is_infinite():
    lower, upper = answer(upper=TWO + 1, confidence=0.95, kind="consistent").interval(0.9)
    assert lower.tolist() == [-math.inf, -math.inf]
    assert torch.equal(upper, TWO + 1)
    lower, upper = answer(lower=TWO - 1, kind="bounds").interval()
    assert torch.equal(lower, TWO - 1)
    assert upper.tolist() == [math.inf, math.inf]


def test_bounds_of_less_confidence_give_way_to_the_standard_error():
    error = torch.full((2,), 0.5, dtype=torch.float64)
    estimate = answer(kind="unbiased", std_error=error, lower=TWO, upper=TWO, confidence=0.9)
    assert torch.equal(estimate.interval(0.9)[0], TWO)
    assert (estimate.interval(0.99)[0] < TWO - 1).all()


def test_a_confidence_that_nothing_is_known_at_is_refused():
    with pytest.raises(ValueError, match=r"bounds at confidence 0\.95.*got level 0\.99"):
        answer(kind="consistent", upper=TWO, confidence=0.95).interval(0.99)
    with pytest.raises(ValueError, match="this consistent answer"):
        answer(kind="consistent").interval()


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan])
def test_a_level_outside_0_and_1_is_refused(level):
    with pytest.raises(ValueError, match="level needs to lie between 0 and 1"):
        answer().interval(level)


def test_an_answer_is_plain_data():
    cost = Cost(stepped=1, scored=2, seconds=0.5)
    assert json.loads(json.dumps(answer(cost=cost).to_dict())) == {
        "value": [-1.5, -2.5],
        "kind": "exact",
        "method": "by hand",
        "std_error": None,
        "reliable": True,
        "cost": {"stepped": 1, "scored": 2, "seconds": 0.5},
    }


def test_plain_data_hold_all_that_is_known():
    told = answer(
        kind="consistent",
        std_error=TWO * 0,
        lower=TWO,
        upper=TWO,
        confidence=0.9,
        ess=TWO,
        reliable=False,
        reason="few paths",
        num_symbols=torch.tensor([1, 2]),
    ).to_dict()
    assert told["std_error"] == [0, 0]
    assert told["lower"] == told["upper"] == told["ess"] == [-1.5, -2.5]
    assert told["confidence"] == 0.9
    assert (told["reliable"], told["reason"]) == (False, "few paths")
    assert told["bits_per_symbol"] == pytest.approx([1.5 / math.log(2), 1.25 / math.log(2)])


def test_a_posterior_names_its_best_labels_and_their_odds():
    rows = posterior([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
    assert rows.best == ["b", "a"]
    assert rows.log_odds.tolist() == [pytest.approx(0.0, abs=1e-15), math.inf]
    assert rows.probs[0].tolist() == pytest.approx([0.2, 0.5, 0.3])
    one = posterior([0.1, 0.9])
    assert one.best == ["b"]
    assert float(one.log_odds) == pytest.approx(math.log(9))


def test_odds_keep_what_probabilities_round_away():
    value = torch.tensor([-1e-30, math.log(1e-30)], dtype=torch.float64)
    sure = Posterior(
        value=value, method="", of=("who",), labels=("a", "b"), log_evidence=torch.tensor(0.0)
    )
    assert float(sure.log_odds) == pytest.approx(30 * math.log(10))


def test_a_posterior_as_plain_data_has_its_labels():
    told = posterior([[0.5, 0.5]]).to_dict()
    assert (told["of"], told["labels"], told["log_evidence"]) == (["who"], ["a", "b"], [0.0])


class Twice:
    """A signal that writes what it was given."""

    def decode(self, symbols):
        return 2 * symbols

    def write(self, path, symbols):
        Path(path).write_text(str(symbols.tolist()))


def draws(**changes):
    parts = {
        "symbols": torch.tensor([[1, 2], [3, 4]]),
        "condition": torch.tensor([0, 1]),
        "labels": ({"who": "a"}, {"who": "b"}),
        "log_weights": torch.zeros(2),
        "method": "by hand",
    }
    return Draws(**{**parts, **changes})


def test_draws_are_decoded_and_written_as_their_signal_says(tmp_path):
    known = draws(signal=Twice())
    assert len(known) == 2
    assert known.decode().tolist() == [[2, 4], [6, 8]]
    known.save(tmp_path / "draws")
    assert (tmp_path / "draws").read_text() == "[[1, 2], [3, 4]]"


def test_draws_of_a_bare_model_know_no_signal(tmp_path):
    with pytest.raises(ValueError, match="only a Density's know their signal"):
        draws().decode()
    with pytest.raises(ValueError, match="only a Density's know their signal"):
        draws().save(tmp_path / "draws.png")
    assert not list(tmp_path.iterdir())
