"""What stands right of the bar."""

import pytest

from autoreg.conditions import ConditionSpace
from autoreg.data.plain import Plain
from autoreg.language.errors import QuestionError
from autoreg.language.known import known, needed, places
from autoreg.language.parser import parse
from autoreg.language.scope import Scope

SCOPE = Scope(Plain(4), ConditionSpace({"digit": ("0", "1")}))


def read(text, length=5):
    return known(parse(f"P(x | {text})").form.given, SCOPE, length)


def test_terms_are_sorted_by_what_they_say():
    found = read("digit=1, x[:2], x[4], x[2] in 1..2, x[3] not in 0, x[3] within -0.5..0.5")
    assert found.given == {"digit": "1"}
    assert [area.region for area in found.seen] == [slice(0, 2, None), 4]
    assert [(area.region, among) for area, among in found.allowed] == [(2, [1, 2]), (3, [1, 2, 3])]
    assert [(area.region, low, high) for area, low, high in found.ranges] == [(3, -0.5, 0.5)]
    assert found.of_signal
    assert not read("digit=1").of_signal


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("x[0] or x[1]", 7, "x[0] or x[1] cannot stand here: what is given are labels, regions"),
        ("run(x, 1) >= 2", 7, "run(x, 1) >= 2 cannot stand here"),
        ("digit", 7, "digit needs a label here, such as digit=0"),
        ("digit=0, x[1], digit=0", 22, "digit has one label; got another"),
    ],
)
def test_events_and_bare_factors_are_not_known(text, column, message):
    with pytest.raises(QuestionError) as caught:
        read(text)
    assert message in caught.value.what
    assert caught.value.column == column


def test_a_length_is_asked_for_where_one_is_needed():
    assert read("digit=1", length=None).given == {"digit": "1"}
    with pytest.raises(QuestionError, match="how long the signal is has to be known"):
        read("x[3]", length=None)
    assert needed(0, at=3) == 0


def test_all_places_are_found():
    form = parse("P(not hit(x[1], 0) before x[2] in 1, count(x, 1) >= 2 | digit=1, x[3])").form
    found = [str(place) for place in places([*form.asked, *form.given], SCOPE)]
    assert found == ["x[1]", "x[2]", "x", "x[3]"]
