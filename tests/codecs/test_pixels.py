import pytest
import torch

from autoreg.codecs.pixels import Grey, Threshold, rescale

GREYS = [Grey(), Grey(2), Grey(3), Grey(16), Grey(255), Grey(17, 16), Grey(5, 16)]


@pytest.mark.parametrize("codec", [*GREYS, Threshold(), Threshold(0), Threshold(254)], ids=str)
def test_every_symbol_survives_decoding_and_encoding(codec):
    symbols = torch.arange(codec.num_symbols)
    assert codec.encode(codec.decode(symbols)).tolist() == symbols.tolist()


@pytest.mark.parametrize("codec", GREYS, ids=str)
def test_every_grey_value_becomes_the_nearest_level(codec):
    grey = torch.arange(codec.top + 1)
    place = grey.double() * (codec.levels - 1) / codec.top
    assert (codec.encode(grey) - place).abs().max() <= 0.5


def test_all_levels_are_the_grey_values_themselves():
    grey = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(Grey().encode(grey), grey)
    assert torch.equal(Grey().decode(grey), grey)


def test_a_pixel_at_the_threshold_is_black():
    assert Threshold(100).encode(torch.tensor([100, 101])).tolist() == [0, 1]
    assert Threshold(100).decode(torch.tensor([0, 1])).tolist() == [0, 255]


def test_rescaling_up_and_back_is_the_identity():
    values = torch.arange(17)
    assert rescale(rescale(values, 16, 255), 255, 16).tolist() == values.tolist()


@pytest.mark.parametrize("codec", [Threshold(), Grey(4)], ids=str)
def test_fractions_of_white_are_refused_not_taken_for_black(codec):
    with pytest.raises(TypeError, match=r"grey values need an integer type, 0\.\.255; got"):
        codec.encode(torch.rand(3, generator=torch.Generator()))


def test_grey_values_above_white_are_refused():
    with pytest.raises(ValueError, match=r"grey values need values within 0\.\.16; got 3\.\.17"):
        Grey(17, 16).encode(torch.tensor([3, 17]))


@pytest.mark.parametrize("symbols", [[2], [-1]])
def test_symbols_out_of_range_are_refused(symbols):
    with pytest.raises(ValueError, match=r"symbols need values within 0\.\.1"):
        Threshold().decode(torch.tensor(symbols))


def test_codecs_that_lose_levels_are_refused():
    with pytest.raises(ValueError, match=r"levels needs a whole number within 2\.\.17; got 18"):
        Grey(18, 16)
    with pytest.raises(ValueError, match=r"top needs to be within 1\.\.255; got 256"):
        Grey(2, 256)
    with pytest.raises(ValueError, match=r"threshold needs to be within 0\.\.254; got 255"):
        Threshold(255)
