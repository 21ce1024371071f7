"""Drawing is interpreted, in a process of its own."""

import pytest

from tests.walks import interpreter


@pytest.mark.slow
def test_draws_agree_with_inversion():
    interpreter.check("interpreted_draw.py")
