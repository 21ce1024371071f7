"""A place is where the signal says it is."""

import numpy as np
import pytest

from autoreg.codecs.pixels import Grey
from autoreg.codecs.scan import KINDS, Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.picture import Picture
from autoreg.data.plain import Plain
from autoreg.language.errors import QuestionError
from autoreg.language.parser import parse
from autoreg.language.regions import find, sizes, union
from autoreg.language.scope import Scope


def area(text, scope, length):
    (term,) = parse(f"P({text} in 0)").form.asked
    return find(term.place, scope, length)


def on(signal, **values):
    return Scope(signal, ConditionSpace({}), values, {"t": 2})


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x", [0, 1, 2, 3, 4]),
        ("x[1]", [1]),
        ("x[-1]", [4]),
        ("x[:t]", [0, 1]),
        ("x[t:]", [2, 3, 4]),
        ("x[-3:-1]", [2, 3]),
        ("x[::2]", [0, 2, 4]),
        ("x[2:2]", []),
        ("x[5:]", []),
        ("x[mask]", [1, 4]),
        ("x[not mask]", [0, 2, 3]),
    ],
)
def test_positions_are_counted_as_in_python(text, where):
    mask = np.array([False, True, False, False, True])
    found = area(text, on(Plain(3), mask=mask), 5)
    assert found.mask.nonzero()[:, 0].tolist() == where


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("x[1, 2]", (1, 2)),
        ("x[-1, :]", (-1, slice(None))),
        ("x[:, ::2]", (slice(None), slice(None, None, 2))),
        ("x[:1, t:]", (slice(1), slice(2, None))),
    ],
)
def test_pixels_are_where_the_scan_reads_them(kind, text, index):
    scan = Scan(kind, 2, 3)
    image = np.zeros((2, 3), dtype=bool)
    image[index] = True
    found = area(text, on(Picture(Grey(3, top=2), scan)), 6)
    assert found.mask.tolist() == image.flatten()[scan.order.numpy()].tolist()
    assert sizes(on(Picture(Grey(3, top=2), scan)), 6) == (2, 3)


def test_areas_are_joined():
    scope = on(Plain(3))
    found = [area(text, scope, 5) for text in ("x[:2]", "x[1:3]")]
    assert union(found, 5).tolist() == [True, True, True, False, False]
    assert not bool(union([], 5).any())


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("x[2, 0]", 5, "rows are 0..1; got 2"),
        ("x[0, 3]", 8, "columns are 0..2; got 3"),
        ("x[0, :-4]", 9, "there are 3 columns; got -4"),
        ("x[6]", 5, "positions are 0..5; got 6"),
        ("x[-7:]", 5, "there are 6 positions; got -7"),
        ("x[4:-3]", 5, "a region ends after it begins; got 4:3"),
        ("x[wrong]", 5, r"wrong needs a mask of shape (2, 3), as the signal; got (3, 2)"),
        ("x[0.1s:]", 5, "seconds are for sounds; this is a picture"),
    ],
)
def test_what_lies_beyond_the_signal_is_refused(text, column, message):
    scope = on(Picture(Grey(3, top=2), Scan("raster", 2, 3)), wrong=np.zeros((3, 2), dtype=bool))
    with pytest.raises(QuestionError) as caught:
        area(text, scope, 6)
    assert (caught.value.what, caught.value.column) == (message, column)
