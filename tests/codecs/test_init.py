import json

import pytest

from autoreg.codecs import Codec, codec_from_config
from autoreg.codecs.linear import Linear
from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Grey, Threshold

CODECS = [MuLaw(), MuLaw(3), Linear(7), Linear(4, 0.5, 1.0), Threshold(9), Grey(), Grey(17, 16)]


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_a_codec_is_rebuilt_from_its_config_as_json(codec):
    assert isinstance(codec, Codec)
    assert codec_from_config(json.loads(json.dumps(codec.config()))) == codec


def test_a_stored_mu_law_names_its_levels():
    assert MuLaw().config() == {"kind": "mulaw", "levels": 256}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "opus"}, "codec needs a kind among mulaw, linear, threshold, grey; got 'opus'"),
        ({"kind": "mulaw"}, "codec 'mulaw' needs the keys kind, levels; got kind"),
        ({"kind": "mulaw", "levels": 256, "mu": 256}, "got kind, levels, mu"),
        ({"kind": "mulaw", "levels": "256"}, "needs levels of type int; got '256'"),
        ({"kind": "mulaw", "levels": 1}, "levels needs a whole number within 2..65536; got 1"),
    ],
)
def test_what_is_not_known_is_refused_by_name(config, message):
    with pytest.raises(ValueError, match=message):
        codec_from_config(config)
