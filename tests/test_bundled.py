"""The models that come with the package."""

import pytest

import autoreg
from autoreg import modeldir
from autoreg.evaluation import evaluate, held_out
from autoreg.training.config import Config, preset


def test_digits_are_what_the_preset_trains():
    card = modeldir.load("digits", device="cpu").card
    assert Config.from_dict(card["training"]["config"]) == preset("digits")


@pytest.mark.slow
def test_digits_keep_what_their_card_promises():
    density = autoreg.load("digits", device="cpu")
    corpus = held_out(density)
    assert corpus.protocol.endswith("as put aside in training")
    found = evaluate(density, corpus)
    assert found.accuracy.value >= 0.97
    card = (modeldir.BUNDLED / "digits" / "README.md").read_text()
    assert f"{found.accuracy.value:.1%}".replace("%", " %") in card
    assert f"{found.bits_per_symbol.value:.3f}" in card
