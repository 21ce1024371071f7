import pytest
from PIL import Image

from autoreg.demo import UNSURE, demo
from autoreg.training.config import Config, preset

TINY = Config.from_dict(
    {
        "model": {"residual": 4, "skip": 6, "hidden": 6, "dilations": [1, 2], "features": True},
        "training": {"steps": 2, "columns": 800},
    }
)


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """A demo of a model that has hardly learnt anything."""
    directory = tmp_path_factory.mktemp("demo")
    return directory, demo(directory, config=TINY, device="cpu")


def test_demo_judges_the_held_out_digits(tour):
    _, found = tour
    assert (found.evaluation.n, found.evaluation.of) == (360, ("digit",))
    assert found.to_dict()["bits_per_symbol"] == found.evaluation.bits_per_symbol.value


def test_demo_leaves_three_pictures(tour):
    directory, found = tour
    for name in ("generated", "completed", "progressive"):
        assert found.pictures[name] == directory / f"{name}.png"
        with Image.open(found.pictures[name]) as picture:
            assert min(picture.size) > 500
    assert found.to_dict()["pictures"]["completed"] == str(directory / "completed.png")


def test_demo_tells_what_it_is_least_sure_of(tour):
    _, found = tour
    confidence = [guess.first[1] for guess in found.unsure]
    assert len(confidence) == UNSURE
    assert confidence == sorted(confidence)
    for guess in found.unsure:
        assert guess.truth in "0123456789"
        assert guess.first[1] >= guess.second[1]
        assert guess.first[0] != guess.second[0]


def test_demo_goes_on_with_what_is_there(tour):
    directory, found = tour
    again = demo(directory, config=TINY, device="cpu")
    assert again.evaluation == found.evaluation
    assert again.unsure == found.unsure


def test_demo_of_other_settings_is_refused(tour):
    directory, _ = tour
    other = TINY.replace_from(["training.steps=3"])
    with pytest.raises(ValueError, match="a run is resumed as it was started"):
        demo(directory, config=other, device="cpu")


@pytest.mark.slow
def test_preset_learns_the_digits(tmp_path):
    found = demo(tmp_path, config=preset("digits"), device="cpu").evaluation
    assert found.accuracy.value >= 0.97
    assert found.bits_per_symbol.value < 1.75
