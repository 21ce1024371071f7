"""Levels are those of the papers on SaShiMi, worked out here by other means."""

import math
from fractions import Fraction

import pytest
import torch

from autoreg.codecs.sashimi import Sashimi

LEVELS = [2, 3, 16, 255, 256, 257, 1024, 65536]
BOTH = pytest.mark.parametrize("scale", ["mulaw", "linear"])


def by_definition(unit, levels):
    """Truncate a number within 0..1 to a level: times Q - 0.01, plus 0.005, and cut off."""
    return math.floor(Fraction(unit) * (levels - Fraction(1, 100)) + Fraction(1, 200))


@pytest.mark.parametrize("levels", LEVELS)
def test_linear_levels_are_the_truncated_ones_of_exact_fractions(levels):
    # Eighths of a level and a little, so that none lies on an edge.
    points = [Fraction(8 * k + 1, 8 * 997) for k in range(997)]
    wave = torch.tensor([float(2 * point - 1) for point in points], dtype=torch.float64)
    got = Sashimi(levels, "linear").encode(wave).tolist()
    assert got == [by_definition(point, levels) for point in points]


@pytest.mark.parametrize("levels", LEVELS)
def test_mulaw_levels_are_those_of_the_amplitudes_where_a_level_begins(levels):
    # The amplitude at which companding reaches level k, by its inverse, is where symbol k begins.
    mu = levels - 1
    # That of silence begins at 0 and has a test of its own.
    for k in {1, levels // 3, levels // 2 + 1, levels - 2, levels - 1} - {0, levels / 2, levels}:
        companded = float(2 * (k - Fraction(1, 200)) / (levels - Fraction(1, 100)) - 1)
        size = ((1 + mu) ** abs(companded) - 1) / mu
        edge, little = math.copysign(size, companded), 1e-7 * size
        around = torch.tensor([edge - little, edge + little], dtype=torch.float64)
        assert Sashimi(levels).encode(around).tolist() == [k - 1, k]


def test_known_values_of_256_levels():
    # By hand: 0.5 is companded to log(128.5) / log(256) = 0.87574..., 0.93787 * 255.99 + 0.005.
    wave = torch.tensor([-1.0, -0.5, -0.001, 0.001, 0.5, 0.999, 1.0])
    assert Sashimi().encode(wave).tolist() == [0, 15, 122, 133, 240, 255, 255]
    linear = Sashimi(scale="linear").encode(wave)
    assert linear.tolist() == [0, 64, 127, 128, 191, 255, 255]


@BOTH
@pytest.mark.parametrize("levels", LEVELS)
def test_every_symbol_survives_decoding_and_encoding(levels, scale):
    codec, symbols = Sashimi(levels, scale), torch.arange(levels)
    assert codec.encode(codec.decode(symbols)).tolist() == symbols.tolist()


@BOTH
@pytest.mark.parametrize("levels", LEVELS)
def test_a_louder_amplitude_never_has_a_smaller_symbol(levels, scale):
    symbols = Sashimi(levels, scale).encode(torch.linspace(-1, 1, 100_001)).int()
    assert (symbols.diff() >= 0).all()
    assert (int(symbols[0]), int(symbols[-1])) == (0, levels - 1)


@BOTH
@pytest.mark.parametrize("levels", LEVELS)
def test_silence_has_one_symbol_whatever_its_sign(levels, scale):
    silence = torch.tensor([0.0, -0.0])
    assert Sashimi(levels, scale).encode(silence).tolist() == [levels // 2] * 2


@BOTH
def test_every_amplitude_decodes_to_within_half_a_level(scale):
    wave = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    codec = Sashimi(256, scale)
    decoded = codec.decode(codec.encode(wave)).double()
    if scale == "mulaw":
        wave, decoded = (
            x.sign() * (255 * x.abs()).log1p() / math.log(256) for x in (wave, decoded)
        )
    assert (wave - decoded).abs().max() <= 1 / 255.99 + 1e-6


def test_rounding_to_the_nearest_is_another_codec():
    wave = torch.linspace(-1, 1, 10_001, dtype=torch.float64)
    rounded = ((wave + 1) / 2 * 255 + 0.5).floor()
    assert float((rounded != Sashimi(scale="linear").encode(wave)).double().mean()) > 0.2


def test_amplitudes_beyond_full_scale_become_full_scale():
    assert Sashimi(16).encode(torch.tensor([-7.0, 1.001])).tolist() == [0, 15]


def test_symbols_take_one_byte_up_to_256_levels_and_keep_their_shape():
    assert Sashimi(256).encode(torch.zeros(2, 0, 3)).dtype == torch.uint8
    assert Sashimi(257).encode(torch.zeros(2, 0, 3)).shape == (2, 0, 3)
    assert Sashimi(257).encode(torch.zeros(1)).dtype == torch.int32


def test_a_range_of_amplitudes_is_that_of_the_symbols_that_decode_into_it():
    codec = Sashimi(scale="linear")
    first, last = codec.between(0.0, 1.0)
    assert (first, last) == (128, 255)
    assert codec.between(-2.0, 2.0) == (0, 255)


@BOTH
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_amplitudes_that_are_not_finite_are_refused(scale, bad):
    with pytest.raises(ValueError, match="got 1 NaN or infinite of 2, the first at 1"):
        Sashimi(256, scale).encode(torch.tensor([0.0, bad]))


def test_integer_samples_are_refused_not_clipped():
    with pytest.raises(TypeError, match=r"floating point type; got torch.int16. Divide"):
        Sashimi().encode(torch.tensor([0, 20_000], dtype=torch.int16))


def test_what_is_no_codec_is_refused():
    with pytest.raises(ValueError, match=r"within 2\.\.65536; got 1"):
        Sashimi(1)
    with pytest.raises(ValueError, match="scale needs one of mulaw, linear; got 'alaw'"):
        Sashimi(256, "alaw")
