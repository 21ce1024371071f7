"""What an answer may cost."""

import pytest

from autoreg.inference.effort import METHODS, Effort


@pytest.mark.parametrize("method", [None, *METHODS])
def test_every_method_can_be_forced(method):
    assert Effort(method=method).method == method


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method needs one of enumeration, .*; got 'magic'"),
        ({"islands": 1}, "two islands, whose spread is its standard error"),
        ({"particles": 0}, "a particle and a draw or more; got 32, 0 and 8"),
        ({"draws": 0}, "a particle and a draw or more; got 32, 32 and 0"),
        ({"threshold": 1.1}, r"threshold needs to lie within 0\.\.1; got 1\.1"),
    ],
)
def test_an_effort_that_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Effort(**options)
