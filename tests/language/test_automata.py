"""An event occurs in the sequences in which it can be seen to occur."""

import pytest
import torch

from autoreg.codecs.pixels import Grey
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.picture import Picture
from autoreg.events import Event
from autoreg.language.automata import event_of
from autoreg.language.errors import Source
from autoreg.language.parser import parse, parse_line
from autoreg.language.scope import Deferred, Scope
from tests.oracles import every

SEQUENCES = every(3, 6)
"""All pictures of two rows of three pixels, read row by row."""


def longest(flags):
    """Return the length of the longest row of True."""
    most = now = 0
    for flag in flags:
        now = now + 1 if flag else 0
        most = max(most, now)
    return most


EVENTS = [
    ("hit(x, 1)", lambda x: 1 in x),
    ("hit(x, {})", lambda x: False),
    ("hit(x[:, 1], 1)", lambda x: 1 in (x[1], x[4])),
    ("hit(x[::2], 0..1) before 3", lambda x: min(x[0], x[2]) < 2),
    ("hit(x, 1) before 0", lambda x: False),
    ("word(x[:, 2], [0, 0])", lambda x: x[2] == x[5] == 0),
    ("word(x, [0, 0, 1])", lambda x: any(x[i : i + 3] == [0, 0, 1] for i in range(4))),
    ("word(x[1:], [0, 0]) before 4", lambda x: [0, 0] in (x[1:3], x[2:4])),
    ("count(x[1, :], 1..2) == 2", lambda x: sum(v > 0 for v in x[3:]) == 2),
    ("count(x, 0) > t", lambda x: x.count(0) > 2),
    ("run(x, 1..2) >= 4", lambda x: longest(v > 0 for v in x) >= 4),
    ("run(x[::2], 1) == 2", lambda x: longest(v == 1 for v in x[::2]) == 2),
    ("run(x, 1) < 2", lambda x: longest(v == 1 for v in x) < 2),
    ("x[1:3] in 0..1", lambda x: max(x[1:3]) < 2),
    ("x[:, 0] not in 0..1 or x[1] in 0", lambda x: x[0] == x[3] == 2 or x[1] == 0),
    ("x[0, :] within 0.5..2", lambda x: min(x[:3]) >= 1),
    ("not (hit(x, 0) and hit(x, 1))", lambda x: not (0 in x and 1 in x)),
    ("hit(x, 0) and hit(x, 1) and hit(x, 2)", lambda x: set(x) == {0, 1, 2}),
    ("hit(x, 0) before hit(x, 1)", lambda x: 0 in x and 1 not in x[: x.index(0)]),
    (
        "hit(x[2:], 0) before hit(x[:4], 1..2)",
        lambda x: max(x[:2]) == 0 and (x[2] == 0 or (x[2] == 0 and x[3] == 0)),
    ),
    ("A or B before 3", lambda x: 2 in x or 1 in x[:3]),
    ("B before A", lambda x: 1 in x and 2 not in x[: x.index(1)]),
    ("C", lambda x: 0 in x),
    ("x[5:5] in 0", lambda x: True),
]


@pytest.mark.parametrize(("text", "holds"), EVENTS, ids=[text for text, _ in EVENTS])
def test_an_event_occurs_where_it_is_seen_to(text, holds):
    bound = {name: parse_line(Source(f"{name} = hit(x, S)")).value for name in "AB"}
    scope = Scope(
        Picture(Grey(3, top=2), Scan("raster", 2, 3)),
        ConditionSpace({}),
        {
            "A": Deferred(bound["A"], {"S": [2]}),
            "B": Deferred(bound["B"], {"S": [1]}),
            "C": Event.hit([0], 3),
            "S": [0],
        },
        {"t": 2},
    )
    (term,) = parse(f"P({text})").form.asked
    occurs = event_of(term, scope, 6).occurs(SEQUENCES)
    assert torch.equal(occurs, torch.tensor([holds(row) for row in SEQUENCES.tolist()]))
