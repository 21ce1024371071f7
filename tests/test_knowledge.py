"""What a person says of a signal is what the evidence allows."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.scan import KINDS, Scan
from autoreg.data.picture import Picture
from autoreg.data.plain import Plain
from autoreg.data.region import Seconds
from autoreg.data.sound import Sound
from autoreg.evidence import Evidence
from autoreg.knowledge import evidence

PRIOR = torch.tensor([0.25, 0.75], dtype=torch.float64).log()
SYMBOLS = torch.tensor([3, 1, 0, 2, 2])
FOUR = Plain(4)


def known(signal=FOUR, symbols=SYMBOLS, **parts):
    return evidence(signal, symbols, **{"log_condition": PRIOR, **parts})


def test_all_of_a_given_signal_is_seen_unless_told():
    found = known()
    assert found == Evidence.observe(SYMBOLS, 4, num_conditions=2).given(PRIOR)
    assert found.log_condition.tolist() == PRIOR.tolist()


def test_of_no_signal_nothing_is_seen():
    assert known(symbols=None, length=3) == Evidence.free(4, 3, 2).given(PRIOR)


@given(st.lists(st.booleans(), min_size=5, max_size=5).map(torch.tensor))
def test_what_is_not_seen_is_hidden(mask):
    found = known(seen=mask)
    assert found == known(hidden=~mask)
    assert torch.equal(found.observed, mask)
    assert torch.equal(found.unknown, ~mask)
    assert torch.equal(found.low[mask].long(), SYMBOLS[mask])


def test_positions_after_the_signal_are_free():
    found = known(length=8)
    assert torch.equal(found.observed, torch.arange(8) < 5)
    assert found.unknown[5:].all()


def test_a_part_that_is_seen_counts_from_the_end_of_the_signal_not_of_what_follows():
    assert known(length=8, seen=-1).observed.nonzero()[:, 0].tolist() == [4]


def test_ranges_and_sets_restrict_what_is_hidden():
    found = known(
        hidden=slice(1, 4), ranges=[(1, 2, 3), (slice(3, 4), 0.5, 2)], allowed=[([2, 3], [0, 2])]
    )
    assert found.mask().int().tolist() == [
        [0, 0, 0, 1],
        [0, 0, 1, 1],
        [1, 0, 1, 0],
        [0, 0, 1, 0],
        [0, 0, 1, 0],
    ]


def test_a_range_that_what_was_seen_contradicts_is_impossible_and_legal():
    assert known(ranges=[(0, 0, 2)]).impossible
    assert known(allowed=[(1, [0, 2])]).impossible
    assert not known(ranges=[(0, 0, 3)]).impossible


def test_a_range_without_a_symbol_is_impossible():
    assert known(hidden=0, ranges=[(0, 1.2, 1.8)]).impossible
    assert known(symbols=None, length=1, ranges=[(0, 7, 9)]).impossible
    assert known(symbols=None, length=1, allowed=[(0, [])]).impossible


@pytest.mark.parametrize("kind", KINDS)
def test_a_hidden_patch_of_a_picture_is_the_same_pixels_in_every_scan(kind):
    picture = Picture(Threshold(), Scan(kind, 3, 4))
    image = torch.tensor([[0, 255, 0, 255], [255, 255, 0, 0], [0, 0, 0, 255]])
    patch = (slice(1, 3), slice(0, 2))
    found = known(picture, picture.encode(image), hidden=patch, ranges=[((2, 0), 0, 100)])
    observed, low, high = (
        picture.scan.roll(part) for part in (found.observed, found.low, found.high)
    )
    unseen = torch.zeros(3, 4, dtype=torch.bool)
    unseen[patch] = True
    unseen[2, 0] = False
    assert torch.equal(observed, ~unseen)
    assert torch.equal(low[~unseen], (image[~unseen] > 127).int())
    assert (high[unseen] == 1).all()


def test_a_loud_second_is_a_range_of_symbols():
    sound = Sound(4, MuLaw(16))
    found = known(
        sound,
        None,
        length=12,
        ranges=[(Seconds(1, 2), 0.5, 1)],
        log_condition=torch.zeros(1, dtype=torch.float64),
    )
    first, last = sound.codec.between(0.5, 1)
    assert 8 < first < last == 15
    assert found == Evidence.free(16, 12).between(slice(4, 8), first, last)


def test_an_hour_of_sound_takes_no_more_than_its_intervals():
    length = 3_000_000
    sound = Sound(8000, MuLaw(65536))
    found = known(sound, None, length=length, ranges=[(Seconds(10, 20), -0.1, 0.1)])
    taken = sum(part.nbytes for part in (found.low, found.high, found.which, found.sets))
    assert taken <= 12 * length + 65536


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seen": 0, "hidden": 1}, "either what is seen or what is hidden; got both"),
        ({"symbols": None, "seen": 0, "length": 5}, "what is in a signal; got no signal"),
        ({"symbols": None, "hidden": 0, "length": 5}, "what is in a signal; got no signal"),
        ({"symbols": None}, "needs a length of 0 or more; got None"),
        ({"symbols": None, "length": -1}, "needs a length of 0 or more; got -1"),
        ({"length": 4}, "needs a length of 5 or more; got 4"),
        ({"symbols": SYMBOLS[None]}, r"needs one signal, \(T,\); got \(1, 5\)"),
        ({"symbols": SYMBOLS / 2}, r"symbols need whole numbers .*; got torch\.float32"),
        ({"symbols": SYMBOLS + 1}, r"within 0\.\.3; got 4 at position 0"),
        ({"seen": 5, "length": 8}, r"a position within -5\.\.4 .*; got 5"),
        ({"hidden": Seconds(0, 1)}, r"a region needs .*; got Seconds\("),
        ({"ranges": [(9, 0, 1)]}, r"a region needs .*; got 9"),
        ({"ranges": [(0, 1, 0)]}, "low <= high, neither of them NaN; got 1 and 0"),
        ({"allowed": [(0, [4])]}, r"within 0\.\.3; got \[4\]"),
    ],
)
def test_what_is_not_of_this_signal_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        known(**changes)


@pytest.mark.parametrize("length", [3, 7])
def test_a_picture_has_no_other_length(length):
    picture = Picture(Grey(), Scan("raster", 2, 3))
    with pytest.raises(ValueError, match=f"a picture has 6 symbols; got a length of {length}"):
        known(picture, None, length=length)
