"""Questions, loops and scripts are answered one by one, or an error points at the place."""

import numpy as np
import pytest
from PIL import Image

from autoreg.language.errors import QuestionError
from autoreg.language.evaluate import ask, ask_each, ask_script, explain
from autoreg.language.places import Seconds
from tests.language.worlds import alike, near, p


def test_a_loop_makes_a_table(plain):
    question = "P(digit | x[:t]) for t in 0..4 step 2"
    table = ask(plain.density, question, x=plain.x)
    assert table.value.shape == (3, 2)
    assert table.labels == ("0", "1")
    wanted = [p(plain, f"P(digit=1 | x[:{t}])") for t in (0, 2, 4)]
    assert table.probs[:, 1].tolist() == near(wanted)
    told = list(ask_each(plain.density, question, x=plain.x))
    assert [one.loop for one in told] == [{"t": 0}, {"t": 2}, {"t": 4}]
    assert told[1].answer.value.tolist() == near(table.value[1].tolist())


def test_a_loop_in_seconds_reaches_its_end(sound):
    question = "H(digit | x[:t]) for t in 0s..0.3s step 0.1s"
    told = list(ask_each(sound.density, question, x=sound.x))
    assert [one.loop["t"] for one in told] == [Seconds(0.1 * at) for at in (0, 1, 2)] + [
        Seconds(0.3)
    ]


def test_the_variable_may_be_a_label_a_symbol_or_a_number(plain):
    labels = ask(plain.density, "log P(x | digit=d) for d in 0..1", x=plain.x)
    wanted = [p(plain, f"P(x | digit={d})") for d in "01"]
    assert labels.value.exp().tolist() == near(wanted)
    symbols = ask(plain.density, "P(x[3] in v | x[:3]) for v in 0..2", x=plain.x)
    assert float(symbols.value.exp().sum()) == near(1)
    counts = (
        ask(plain.density, "P(count(x, 1) == n) for n in 0..4")
        if False
        else ask(plain.density, "P(count(x, 1) == n) length 4 for n in 0..4")
    )
    assert float(counts.value.exp().sum()) == near(1)


def test_a_script_answers_line_by_line(picture, tmp_path):
    Image.fromarray(np.array([[255, 0], [255, 128]], dtype=np.uint8)).save(tmp_path / "a.png")
    np.save(tmp_path / "mask.npy", [[True, False], [True, False]])
    script = """# names
    x = "a.png"
    mask = "mask.npy"
    S = {0..1}   # dark
    A = hit(x[not mask], S)

    P(x[mask])
    P(A | x[0, 0])
    S = 2
    P(A)
    log P(x | digit=d) for d in 0..1
    """
    told = list(ask_script(picture.density, script.splitlines(), file="q.aq", folder=tmp_path))
    assert [one.line for one in told] == [7, 8, 10, 11, 11]
    assert float(told[0].answer.value.exp()) == near(picture.sum(alike(0, 3)))
    dark = lambda x, s, d: min(x[1:3]) < 2
    assert float(told[1].answer.value.exp()) == near(picture.share(dark, alike(0)))
    assert float(told[2].answer.value.exp()) == near(picture.sum(dark)), "A kept its S"
    assert [one.loop for one in told[3:]] == [{"d": 0}, {"d": 1}]


def test_a_named_event_brings_its_signal_along(plain):
    script = ["A = hit(y[1:], S)", "P(A | speaker=ann)"]
    (told,) = ask_script(plain.density, script, y=plain.x, S=[0])
    wanted = plain.share(lambda x, s, d: 0 in x[1:], lambda x, s, d: s == "ann")
    assert float(told.answer.value.exp()) == near(wanted)


def test_a_name_that_is_bound_anew_is_read_anew(plain, tmp_path):
    np.save(tmp_path / "short.npy", plain.x[:3])
    np.save(tmp_path / "long.npy", plain.x)
    script = ['x = "short.npy"', "P(x)", 'x = "long.npy"', "P(x)"]
    told = list(ask_script(plain.density, script, folder=tmp_path))
    assert [int(one.answer.num_symbols) for one in told] == [3, 4]


def test_a_script_stops_at_the_first_error_and_tells_where(plain):
    script = ["P(digit | x)", "P(digits | x)", "P("]
    answers = ask_script(plain.density, script, file="day.aq", x=plain.x)
    assert next(answers).line == 1
    with pytest.raises(QuestionError, match=r"^day\.aq:2:3: digits is not known"):
        next(answers)


def test_a_plan_is_told_without_an_answer(plain):
    told = explain(plain.density, "P(digit | x[:t]) for t in 3..4", x=plain.x).splitlines()
    assert told[:3] == ["P(digit | x[:t]) for t in 3..4", "t = 3", "the posterior of digit"]
    assert told[3] == "what is known:"
    assert "one score" in explain(plain.density, "log P(x)", x=plain.x)
    assert "besides" not in explain(plain.density, "log P(x)", x=plain.x)
    for asked, besides in (
        ("H(x[2:] | x[:2])", "what is hidden, summed over or drawn"),
        ("sample(x[2:] | x[:2]) * 3", "3 draws of what is hidden"),
        ("hitting(x, 0 | x[:2])", "positions, summed over or drawn"),
    ):
        assert explain(plain.density, asked, x=plain.x).splitlines()[-1].endswith(besides)
    both = explain(plain.density, "P(hit(x, 0) | x[0])", x=plain.x)
    assert "an automaton of 2 states" in both
    assert "the event:" in both
    assert "its contrary:" in both


ERRORS = [
    ("P(digits | x)", 3, "digits is not known: the factors of the model are speaker, digit"),
    ('P("x" | x)', 3, "the model has no factor 'x'; it has speaker, digit"),
    ("P(digit=7 | x)", 9, "the model knows no digit '7'; it knows 0, 1"),
    ("P(x | pitch=7)", 7, "pitch is not known"),
    ("P(x | digit=0, digit=1)", 16, "digit has one label; got another"),
    ("P(x | digit)", 7, "digit needs a label here, such as digit=0"),
    ("P(digit | digit=0)", 3, "digit is asked for, and given too"),
    ("P(digit=1 | digit=0)", 3, "digit is asked for, and given too"),
    ("P(digit, digit | x)", 10, "digit is asked for twice"),
    ("P(digit, x[3])", 3, "digit is asked for together with more"),
    ("P(hit(x, 0), digit=1)", 14, "digit=1 is asked for together with an event"),
    ("P(x | hit(x, 0))", 7, "hit(x, 0) cannot stand here"),
    ("P(digit | x[4])", 13, "positions are 0..3; got 4"),
    ("P(digit | x[:5])", 14, "there are 4 positions; got 5"),
    ("P(digit | x[3:1])", 13, "a region ends after it begins; got 3:1"),
    ("P(digit | x[0, 1])", 16, "rows and columns are of pictures; this is a plain"),
    ("P(digit | x[:0.1s])", 14, "seconds are for sounds; this is a plain"),
    ("P(digit | x[1 + 0.1s])", 13, "positions and seconds do not add up"),
    ("P(digit | x[t])", 13, "t is not known"),
    ("P(digit | x[:t])", 14, "t is no number"),
    ("P(digit | y[3])", 11, "y is not known"),
    ("P(digit | S[3])", 11, "S is no signal"),
    ("P(digit | x[0], z[1])", 17, "one signal; this one is about x and z"),
    ("P(digit | x[mask])", 13, "mask needs a mask of shape (4,), as the signal; got (3,)"),
    ("P(digit | x[not S])", 17, "S needs to be a mask of booleans"),
    ("P(x[0] in 3)", 11, "symbols are 0..2; got 3"),
    ("P(x[0] in {1, 2..3})", 15, "symbols are 0..2; got 2..3"),
    ("P(x[0] in R)", 11, "R is not bound; a set is, such as R = {0..3, 7}"),
    ("P(x[0] in bad)", 11, "symbols are 0..2; bad holds 9"),
    ("P(word(x, [1, 7]))", 3, "symbols are 0..2; got (1, 7)"),
    ("P(count(x, 1) >= 0.5s)", 18, "expected a number of symbols; got 0.5s"),
    ("P(hit(x, 0) before 5)", 20, "there are 4 positions; got 5"),
    ("P(hit(x, 0) before count(x, 1) >= 2)", 20, "before is between hits"),
    ("P(hit(x, 0..1) before hit(x, 1))", 3, "needs to share no symbol with the other"),
    ("P(not digit)", 7, "digit is no event"),
    ("P(S)", 3, "S cannot stand here; it is a set"),
    ("P(x) length 3", 13, "the length needs to be 4 or more; got 3"),
    ("P(x[4:] | x) length 5", 3, "x[4:] reaches beyond what x is bound to, 4 positions"),
    ("P(x) by magic", 9, "a method is one of enumeration, dynamic programming"),
    ("surprise(x) by beam", 16, "there is no method to choose"),
    ("surprise(x[0] | x[1])", 17, "surprise is given labels alone"),
    ("P(x) prior flat", 12, "a prior is training or uniform; got flat"),
    ("P(x) prior(digit: {7: 1})", 20, "the model knows no digit '7'"),
    ("P(x) prior(digit: {0: 0.3})", 6, "prior needs to sum to 1"),
    ("sample(x[0] | x)", 8, "x[0] is asked for, and given too"),
    ("H(digit, x)", 3, "H is of factors or of the signal"),
    ("H(x[1:3] | x[2])", 3, "x[1:3] is asked for, and given too"),
    ("H(x[2:] | x[0])", 3, "H of several positions needs all that is hidden up to their end; 1"),
    ("I(digit; x[1:3] | x[0])", 10, "I is of a factor and one position; got 2"),
    ("I(x[0]; x[1])", 1, "I is of a factor and a position"),
    ("look(x | x[0])", 6, "x is asked for, and given too"),
    ("look(x[1] | x[0])", 1, "look is of a factor"),
    ("argmax(x[1:] | x[0])", 1, "argmax is of all that is open: ask for speaker, digit too"),
    ("argmax(speaker, digit, x[2:] | x[0])", 24, "1 hidden positions are left out, position 1"),
    ("marginal(digit | x)", 1, "marginal is of positions"),
    ("hitting(x[2:], 0 | x[0])", 9, "hitting is of what follows the beginning that is seen: x[1:"),
    ("log odds(digit=0 : speaker=ann | x)", 20, "log odds are of two labels of the same factors"),
    ("H(digit | x[:t]) for t in 0..1 step 0.1s", 18, "a loop needs whole numbers, or seconds"),
    ("H(digit | x[:t]) for t in 3..1", 18, "the loop has no value"),
    ("sample(x) * 2 for t in 0..1", 15, "draws of several values make no one answer"),
    ("P(x[2:] | q)", 11, "q is not known"),
]


@pytest.mark.parametrize(("question", "column", "message"), ERRORS, ids=[one[0] for one in ERRORS])
def test_errors_point_at_what_cannot_be_answered(plain, question, column, message):
    bound = {"mask": np.ones(3, dtype=bool), "S": [0, 2], "bad": [9]}
    with pytest.raises(QuestionError) as caught:
        ask(plain.density, question, x=plain.x, **bound)
    assert message in caught.value.what
    assert caught.value.column == column


def test_a_loop_without_a_value_is_refused_however_it_is_asked(plain):
    question = "H(digit | x[:t]) for t in 3..1"
    for asked in (ask_each, explain):
        with pytest.raises(QuestionError, match="the loop has no value"):
            list(asked(plain.density, question, x=plain.x))


def test_what_the_density_refuses_points_at_the_question(plain):
    with pytest.raises(QuestionError, match=r"^column 2: the evidence rules everything out"):
        ask(plain.density, " sample(x[1:] | x[0] in {}) length 4")
