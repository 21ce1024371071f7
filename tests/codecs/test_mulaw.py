import math
import re

import pytest
import torch

from autoreg.codecs.mulaw import MuLaw

LEVELS = [2, 3, 16, 255, 256, 257, 1024, 65536]


@pytest.mark.parametrize("levels", LEVELS)
def test_every_symbol_survives_decoding_and_encoding(levels):
    symbols = torch.arange(levels)
    assert MuLaw(levels).encode(MuLaw(levels).decode(symbols)).tolist() == symbols.tolist()


@pytest.mark.parametrize("levels", LEVELS)
def test_symbols_fill_their_range_from_minus_one_to_one(levels):
    ends = MuLaw(levels).encode(torch.tensor([-1.0, 1.0]))
    assert ends.tolist() == [0, levels - 1]
    assert MuLaw(levels).decode(ends).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("levels", LEVELS)
def test_a_louder_amplitude_never_has_a_smaller_symbol(levels):
    assert (MuLaw(levels).encode(torch.linspace(-1, 1, 400_001)).int().diff() >= 0).all()


@pytest.mark.parametrize("levels", LEVELS)
def test_every_amplitude_becomes_the_nearest_companded_level(levels):
    # Nearest on the companded axis: no further than half a level, computed by hand in float64.
    mu = levels - 1
    x = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    place = (x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu) + 1) / 2
    distance = (place * mu - MuLaw(levels).encode(x).double()).abs()
    assert distance.max() <= 0.5 + 1e-6


@pytest.mark.parametrize("levels", LEVELS)
def test_silence_is_the_level_at_or_just_above_it_whatever_its_sign(levels):
    assert MuLaw(levels).encode(torch.tensor([0.0, -0.0])).tolist() == [levels // 2] * 2


def test_256_levels_decode_silence_to_the_known_offset():
    assert MuLaw().decode(torch.tensor([127, 128])).tolist() == pytest.approx(
        [-8.6e-5, 8.6e-5], rel=0.01
    )


def test_amplitudes_beyond_full_scale_become_full_scale():
    assert MuLaw(16).encode(torch.tensor([-7.0, 1.001])).tolist() == [0, 15]


def test_symbols_take_one_byte_up_to_256_levels():
    wave = torch.zeros(1)
    assert MuLaw(256).encode(wave).dtype == torch.uint8
    assert MuLaw(257).encode(wave).dtype == torch.int32


def test_float32_and_float64_waves_of_the_same_values_have_the_same_symbols():
    wave = torch.linspace(-1, 1, 10_001)
    assert torch.equal(MuLaw().encode(wave), MuLaw().encode(wave.double()))


def test_shapes_and_empty_waves_pass_through():
    assert MuLaw().encode(torch.zeros(2, 0, 3)).shape == (2, 0, 3)
    assert MuLaw().decode(torch.zeros(0, dtype=torch.uint8)).shape == (0,)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_amplitudes_that_are_not_finite_are_counted_and_the_first_is_named(bad):
    with pytest.raises(ValueError, match="got 2 NaN or infinite of 4, the first at 1"):
        MuLaw().encode(torch.tensor([0.0, bad, 0.0, bad]))
    with pytest.raises(ValueError, match=re.escape("the first at (1, 0)")):
        MuLaw().encode(torch.tensor([[0.0, 0.0], [bad, bad]]))


def test_integer_samples_are_refused_not_clipped():
    with pytest.raises(TypeError, match=r"floating point type; got torch.int16. Divide"):
        MuLaw().encode(torch.tensor([0, 20_000], dtype=torch.int16))


@pytest.mark.parametrize("levels", [-1, 1, 65537])
def test_levels_out_of_bounds_are_refused(levels):
    with pytest.raises(ValueError, match=f"within 2..65536; got {levels}"):
        MuLaw(levels)
