import pytest

from autoreg.codecs.kinds import check_keys, find_kind, rebuild
from autoreg.codecs.linear import Linear

KINDS = {"linear": Linear}


def test_what_was_described_is_rebuilt():
    assert rebuild("codec", KINDS, Linear(4, -2.0, 2.0).config()) == Linear(4, -2.0, 2.0)


@pytest.mark.parametrize(
    "config", [{}, {"kind": "mulaw"}, {"kind": None}, {"kind": ["linear"]}, [], "linear", None]
)
def test_an_unknown_kind_is_refused(config):
    with pytest.raises(ValueError, match="codec needs a kind among linear; got"):
        find_kind("codec", KINDS, config)


@pytest.mark.parametrize("keys", [{"kind": 1}, {"kind": 1, "levels": 2, "extra": 3}])
def test_keys_are_all_needed_and_no_other_is_taken(keys):
    with pytest.raises(
        ValueError, match=f"needs the keys kind, levels; got {', '.join(sorted(keys))}"
    ):
        check_keys("codec", {"kind", "levels"}, keys)


@pytest.mark.parametrize("levels", ["4", 4.5, True, None, [4]])
def test_a_value_of_another_type_is_refused(levels):
    with pytest.raises(ValueError, match="codec 'linear' needs levels of type int; got"):
        rebuild("codec", KINDS, {"kind": "linear", "levels": levels, "low": 0, "high": 1})
