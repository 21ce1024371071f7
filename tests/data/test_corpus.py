from dataclasses import replace

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus, parts_in_order
from autoreg.data.frames import Frames
from autoreg.data.plain import Plain
from autoreg.data.sequences import Sequences

NONE = Sequences.from_list([], [])
SPACE = ConditionSpace({"coin": ("fair", "bent")})


def corpus(train=NONE, target=None, **parts):
    parts = {"train": train, "valid": NONE, "test": NONE} | parts
    return Corpus(parts, Plain(3), SPACE, target, "made up")


def test_parts_may_be_empty():
    assert len(corpus().parts["valid"]) == 0


def test_a_missing_or_foreign_part_is_refused():
    with pytest.raises(ValueError, match="parts needs train, valid, test; got train"):
        Corpus({"train": NONE}, Plain(3), SPACE, None, "made up")
    with pytest.raises(ValueError, match="got train, valid, test, dev"):
        corpus(dev=NONE)


def test_a_target_that_is_no_factor_is_refused():
    with pytest.raises(ValueError, match="a factor of the space, coin; got 'die'"):
        corpus(target="die")


@pytest.mark.parametrize(
    ("symbol", "condition", "message"),
    [
        (3, 0, r"train symbols need values within 0\.\.2; got 3\.\.3"),
        (0, 2, r"train conditions need values within 0\.\.1; got 2\.\.2"),
    ],
)
def test_what_signal_or_space_do_not_know_is_refused(symbol, condition, message):
    with pytest.raises(ValueError, match=message):
        corpus(Sequences.from_list([torch.tensor([symbol])], [condition]))


def test_parts_in_order_are_all_sequences_once():
    sequences = Sequences.from_rows(torch.arange(7)[:, None], [0] * 7)
    parts = parts_in_order(sequences, 2)
    assert {name: part.symbols.tolist() for name, part in parts.items()} == {
        "train": [0, 1, 2],
        "valid": [3, 4],
        "test": [5, 6],
    }


def accompanied(hop=4, width=2):
    frames = Frames.from_list([torch.zeros(1, width)], hop=hop)
    return Sequences.from_list([torch.zeros(3).byte()], [0], None, frames)


def test_local_features_are_of_one_kind():
    assert corpus(accompanied(), valid=accompanied()).local == (4, 2)
    assert corpus().local is None
    message = "parts need frames of one hop and width or no frames"
    bare = Sequences.from_list([torch.zeros(3).byte()], [0])
    for other in (accompanied(hop=3), accompanied(width=1), bare):
        with pytest.raises(ValueError, match=message):
            corpus(accompanied(), test=other)
    with pytest.raises(ValueError, match=f"{message}.* got .*with features"):
        replace(corpus(accompanied()), features=torch.zeros(1, 3, 1))
