import pytest

from autoreg.cli.heldout import read_held_out
from autoreg.density import load


def test_options_name_the_part_and_its_beginnings(digits_model):
    density = load(digits_model)
    corpus = read_held_out(density, None, part="valid", first="5")
    assert set(corpus.parts["valid"].lengths.tolist()) == {5}
    assert corpus.space.names == ("digit",)
    with pytest.raises(ValueError, match="seconds are for sounds"):
        read_held_out(density, None, part="valid", first="50ms")


def test_rule_of_labels_replaces_that_of_the_training(voices, voices_model):
    density = load(voices_model)
    corpus = read_held_out(
        density, voices, part="test", labels=r"(?P<speaker>[a-z]+)_\d\.wav", mono=True
    )
    assert len(corpus.parts["test"]) == 2
