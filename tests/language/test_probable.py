"""The probability of what is asked in words is what adding up all sequences gives."""

import numpy as np
import pytest

from autoreg.events import Event
from autoreg.language.evaluate import ask
from tests.language.worlds import alike, near, p, yes

PLAIN = [
    ("P(x)", alike(0, 1, 2, 3), yes),
    ("log P(x | digit=1)", alike(0, 1, 2, 3), lambda x, s, d: d == "1"),
    ('P(x | "digit"="1", speaker=ann)', alike(0, 1, 2, 3), lambda x, s, d: (s, d) == ("ann", "1")),
    ("P(x[2:] | x[:2])", alike(2, 3), alike(0, 1)),
    ("P(x[-1] | x[:2], x[2])", alike(3), alike(0, 1, 2)),
    ("P(x[::2] | x[1::2], digit=0)", alike(0, 2), lambda x, s, d: x[1::2] == [0, 2] and d == "0"),
    ("P(x, digit=1)", lambda x, s, d: alike(0, 1, 2, 3)(x, s, d) and d == "1", yes),
    (
        "P(x[3], digit=1 | x[:2], speaker=bob)",
        lambda x, s, d: x[3] == 2 and d == "1",
        lambda x, s, d: alike(0, 1)(x, s, d) and s == "bob",
    ),
    ("P(x[3] in {0, 2} | x[:2])", lambda x, s, d: x[3] in (0, 2), alike(0, 1)),
    ("P(x[3] not in {0, 2} | x[:2])", lambda x, s, d: x[3] == 1, alike(0, 1)),
    (
        "P(x[1:3] in 1.. | x[3] in ..1)",
        lambda x, s, d: min(x[1:3]) >= 1,
        lambda x, s, d: x[3] <= 1,
    ),
    ("P(x[0] in {} | x[3])", lambda x, s, d: False, alike(3)),
    ("P(x in 0..1, x[0] in 1)", lambda x, s, d: max(x) <= 1 and x[0] == 1, yes),
    ("P(digit=1 | x)", lambda x, s, d: d == "1", alike(0, 1, 2, 3)),
    ("P(digit=1, speaker=bob | x[1:3])", lambda x, s, d: (s, d) == ("bob", "1"), alike(1, 2)),
    (
        "P(digit=0 | x[2] in 0..1, x[0], speaker=ann)",
        lambda x, s, d: d == "0",
        lambda x, s, d: x[2] < 2 and x[0] == 2 and s == "ann",
    ),
    ("P(digit=1)", lambda x, s, d: d == "1", yes),
    ("P(hit(x, 0) | x[0])", lambda x, s, d: 0 in x, alike(0)),
    ("P(hit(x[1:], 2) | x[0])", lambda x, s, d: 2 in x[1:], alike(0)),
    ("P(hit(x, 1..2) before 2)", lambda x, s, d: max(x[:2]) > 0, yes),
    ("P(hit(x[1:], 1) before 3 | x[0])", lambda x, s, d: 1 in x[1:3], alike(0)),
    (
        "P(hit(x, 0) before hit(x, 1) | digit=1)",
        lambda x, s, d: 0 in x and 1 not in x[: x.index(0)],
        lambda x, s, d: d == "1",
    ),
    ("P(hit(x[2:], 0) before hit(x[1], 0))", lambda x, s, d: x[1] != 0 and 0 in x[2:], yes),
    (
        "P(hit(x[:3], 0) before hit(x[1:], 1..2))",
        lambda x, s, d: x[0] == 0 or x[1] == 0,
        yes,
    ),
    ("P(count(x, {0, 2}) >= 3)", lambda x, s, d: sum(v != 1 for v in x) >= 3, yes),
    ("P(count(x, 1) == 2 | x[2])", lambda x, s, d: x.count(1) == 2, alike(2)),
    ("P(count(x, 1) <= 1)", lambda x, s, d: x.count(1) <= 1, yes),
    ("P(count(x[::3], 1) > 1)", lambda x, s, d: x[::3].count(1) > 1, yes),
    ("P(count(x, 1) < 1)", lambda x, s, d: 1 not in x, yes),
    ("P(run(x, 0..1) >= 3)", lambda x, s, d: max(x[:3]) < 2 or max(x[1:]) < 2, yes),
    ("P(run(x, 0..1) == 3)", lambda x, s, d: (max(x[:3]) < 2) != (max(x[1:]) < 2), yes),
    (
        "P(word(x, [1, 1]) | x[3])",
        lambda x, s, d: any(x[i : i + 2] == [1, 1] for i in range(3)),
        alike(3),
    ),
    ("P(word(x[::2], [1, 1]))", lambda x, s, d: x[0] == x[2] == 1, yes),
    (
        "P(not hit(x, 0) and not hit(x, 1) or x[0] in 1)",
        lambda x, s, d: set(x) == {2} or x[0] == 1,
        yes,
    ),
    ("P(hit(x, 0), count(x, 2) >= 2)", lambda x, s, d: 0 in x and x.count(2) >= 2, yes),
    ("P(A or B | x[0])", lambda x, s, d: 0 in x or x[3] == 1, alike(0)),
    ("P(x[1] in S | x[0])", lambda x, s, d: x[1] in (0, 2), alike(0)),
    ("P(hit(x, {S, 1}) before t)", yes, yes),
    ("P(x[not mask] | x[mask])", alike(1, 2), alike(0, 3)),
    ("P(x[t] | x[:t])", alike(2), alike(0, 1)),
    ("P(x[t - 1:t + 1] | x[t-2])", alike(1, 2), alike(0)),
]


@pytest.mark.parametrize(("question", "asked", "given"), PLAIN, ids=[one[0] for one in PLAIN])
def test_probabilities_are_shares_of_all_sequences(plain, question, asked, given):
    bound = {
        "A": Event.hit([0], 3),
        "B": Event.count([1], 3, at_least=1).within(3, 4),
        "S": [0, 2],
        "mask": np.array([True, False, False, True]),
        "t": 2,
    }
    assert p(plain, question, **bound) == near(plain.share(asked, given))


PICTURE = [
    ("P(x[1, 0] | x[0, :])", alike(3), alike(0, 1)),
    ("P(x[:, 1] | x[:, 0])", alike(1, 2), alike(0, 3)),
    ("P(x[-1, -1] | x[0, 0])", alike(2), alike(0)),
    ("P(x[1, :] within 1..2 | x[:2])", lambda x, s, d: min(x[2:]) >= 1, alike(0, 1)),
    ("P(x[not mask] | x[mask])", alike(1, 2), alike(0, 3)),
    ("P(word(x[:, 0], [1, 2]))", lambda x, s, d: (x[0], x[3]) == (1, 2), yes),
    ("P(hit(x[:, 1], 2) | x[2])", lambda x, s, d: 2 in x[1:3], alike(2)),
]


@pytest.mark.parametrize(("question", "asked", "given"), PICTURE, ids=[one[0] for one in PICTURE])
def test_pixels_are_found_along_the_scan(picture, question, asked, given):
    mask = np.array([[True, False], [True, False]])
    assert p(picture, question, mask=mask) == near(picture.share(asked, given))


SOUND = [
    ("P(x[0.2s:] | x[0s:200ms])", alike(2, 3), alike(0, 1)),
    ("P(x[-0.1s:] | x[:0.3s])", alike(3), alike(0, 1, 2)),
    ("P(x[0.1s:0.2s] within -0.5..0.5 | x[0.2s])", lambda x, s, d: x[1] == 1, alike(2)),
    ("P(hit(x, 0) before 0.2s)", lambda x, s, d: 0 in x[:2], yes),
]


@pytest.mark.parametrize(("question", "asked", "given"), SOUND, ids=[one[0] for one in SOUND])
def test_seconds_are_samples(sound, question, asked, given):
    assert p(sound, question) == near(sound.share(asked, given))


@pytest.mark.parametrize("question", ["P(digit, speaker | x)", "P(digit, speaker | x[0], x[2:])"])
def test_posteriors_name_their_labels(plain, question):
    answer = ask(plain.density, question, x=plain.x)
    assert answer.labels == ("0/ann", "0/bob", "1/ann", "1/bob")
    seen = alike(0, 1, 2, 3) if "[" not in question else alike(0, 2, 3)
    wanted = [
        plain.share(lambda x, s, d, at=label: f"{d}/{s}" == at, seen) for label in answer.labels
    ]
    assert answer.probs.tolist() == near(wanted)


def test_a_prior_needs_no_length(sound):
    assert p(sound, "P(digit=1)", x=None) == near(0.5)


def test_impossible_evidence_has_probability_0(plain):
    assert p(plain, "P(x[0] in 0 | x[0])") == 0
