import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.codecs import Codec, codec_from_config
from autoreg.codecs.linear import Linear
from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.sashimi import Sashimi

CODECS = [
    *(MuLaw(), MuLaw(3), Linear(7), Linear(4, 0.5, 1.0), Sashimi(), Sashimi(5, "linear")),
    *(Threshold(9), Grey(), Grey(17, 16)),
]
# Amplitudes and grey values, within and beyond, as float32 has them; infinity leaves a side open.
BOUNDS = st.floats(-2, 2, width=32) | st.integers(-9, 300) | st.sampled_from([-math.inf, math.inf])


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_a_codec_is_rebuilt_from_its_config_as_json(codec):
    assert isinstance(codec, Codec)
    assert codec_from_config(json.loads(json.dumps(codec.config()))) == codec


def test_a_stored_mu_law_names_its_levels():
    assert MuLaw().config() == {"kind": "mulaw", "levels": 256}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"kind": "opus"},
            "codec needs a kind among mulaw, linear, sashimi, threshold, grey; got 'opus'",
        ),
        ({"kind": "sashimi", "levels": 16, "scale": 1}, "needs scale of type str; got 1"),
        ({"kind": "sashimi", "levels": 16, "scale": "x"}, "scale needs one of mulaw, linear"),
        ({"kind": "mulaw"}, "codec 'mulaw' needs the keys kind, levels; got kind"),
        ({"kind": "mulaw", "levels": 256, "mu": 256}, "got kind, levels, mu"),
        ({"kind": "mulaw", "levels": "256"}, "needs levels of type int; got '256'"),
        ({"kind": "mulaw", "levels": 1}, "levels needs a whole number within 2..65536; got 1"),
    ],
)
def test_what_is_not_known_is_refused_by_name(config, message):
    with pytest.raises(ValueError, match=message):
        codec_from_config(config)


@pytest.mark.parametrize("codec", CODECS, ids=str)
@given(low=BOUNDS, high=BOUNDS)
def test_a_range_of_values_is_the_symbols_that_decode_into_it(codec, low, high):
    low, high = sorted((low, high))
    values = codec.decode(torch.arange(codec.num_symbols)).double()
    inside = (values >= low) & (values <= high)
    first, last = codec.between(low, high)
    assert list(range(first, last + 1)) == inside.nonzero()[:, 0].tolist()


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_each_decoded_value_is_a_range_of_its_own_symbol(codec):
    for symbol, value in enumerate(codec.decode(torch.arange(codec.num_symbols)).tolist()):
        assert codec.between(value, value) == (symbol, symbol)


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan), (math.inf, -math.inf)]
)
def test_a_range_turned_round_or_of_nan_is_refused(codec, low, high):
    with pytest.raises(ValueError, match=r"range needs low <= high, neither of them NaN; got"):
        codec.between(low, high)
