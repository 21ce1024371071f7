"""What rules allow, and which are refused."""

import pytest
import torch

from autoreg.events import Rules


def rules(**changes):
    parts = {
        "next": torch.tensor([[0, 1, 1], [1, 1, 0]]),
        "which": torch.tensor([[0, 1, 0, 1], [1, 1, 1, 1]]),
        "sets": torch.tensor([[True, True, False], [True, True, True]]),
        "log_value": torch.zeros(2, 5),
    }
    return Rules(**{**parts, **changes})


def test_free_rules_allow_every_symbol_everywhere():
    free = Rules.free(3, 4)
    assert free.length == 4
    assert free.sets[free.which].all()
    assert free.log_value is None


def test_sets_of_their_own_are_kept_position_by_position():
    generator = torch.Generator().manual_seed(0)
    sets = torch.rand(20, 3, generator=generator) < 0.5
    among = Rules.among(sets)
    assert torch.equal(among.sets[among.which[0]], sets)
    assert len(among.sets) <= 8
    assert (among.next == 0).all()


@pytest.mark.parametrize("length", [0, 1])
def test_rules_of_no_or_one_position_are_legal(length):
    assert Rules.free(3, length).length == length
    assert Rules.among(torch.ones(length, 3, dtype=torch.bool)).length == length


def test_moving_to_a_device_keeps_all_parts():
    moved = rules().to(torch.device("cpu"))
    assert torch.equal(moved.next, rules().next)
    assert torch.equal(moved.which, rules().which)
    assert torch.equal(moved.sets, rules().sets)
    assert torch.equal(moved.log_value, rules().log_value)
    assert rules(log_value=None).to(torch.device("cpu")).log_value is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"next": torch.zeros(2, 2).long()}, r"next of shape \(2, 3\).*got \(2, 2\)"),
        ({"next": torch.zeros(1, 3).long()}, r"next of shape \(2, 3\).*got \(1, 3\)"),
        ({"log_value": torch.zeros(2, 4)}, r"log_value of shape \(2, 5\); got \(2, 4\)"),
        ({"next": torch.full((2, 3), 2)}, r"next within 0\.\.1; got 2\.\.2"),
        ({"next": torch.full((2, 3), -1)}, r"next within 0\.\.1; got -1\.\.-1"),
        ({"which": torch.full((2, 4), 2)}, r"which within 0\.\.1; got 2\.\.2"),
    ],
)
def test_rules_that_do_not_fit_together_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        rules(**changes)
