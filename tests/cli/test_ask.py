import json

import numpy as np
import pytest
import soundfile
from PIL import Image
from typer.testing import CliRunner

import autoreg
from autoreg.cli.app import app
from autoreg.cli.ask import bound


def test_a_question_is_answered_as_in_python(lines, run, digits_model, image):
    asked = ["P(digit | x[:32])", "--bind", f"x={image}"]
    (told,) = lines("ask", digits_model, *asked)
    expected = autoreg.load(digits_model).ask("P(digit | x[:32])", x=image)
    assert told["labels"] == list(expected.labels)
    assert told["p"] == pytest.approx(expected.probs.tolist())
    assert (told["kind"], told["question"]) == ("exact", "P(digit | x[:32])")
    rows = run("ask", digits_model, *asked).stdout.splitlines()
    assert rows[0].split()[0] == expected.best[0]
    assert rows[-1].strip().startswith("exact: one score")


def test_a_probability_is_printed_with_its_log(run, digits_model, image):
    bind = ["--bind", f"x={image}"]
    both = run("ask", digits_model, "P(x[8] in 0..3 | x[:8])", *bind).stdout.splitlines()[0]
    assert both.startswith("  p = 0.")
    assert "log p = -" in both
    log = run("ask", digits_model, "log P(x[8] in 0..3 | x[:8])", *bind).stdout.splitlines()[0]
    assert log.startswith("  log p = -")
    assert log.endswith("nats")


def test_a_loop_is_a_table(run, lines, digits_model, image):
    asked = ["H(digit | x[:t]) for t in 0..64 step 32", "--bind", f"x={image}"]
    rows = run("ask", digits_model, *asked).stdout.splitlines()
    assert [row.split()[:3] for row in rows] == [["t", "=", t] for t in ("0", "32", "64")]
    assert all(row.endswith("nats") for row in rows)
    told = lines("ask", digits_model, *asked)
    assert [one["for"] for one in told] == [{"t": 0}, {"t": 32}, {"t": 64}]
    assert told[0]["value"] == pytest.approx(np.log(10))


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("surprise(x | digit=3)", ["nats in all", "x[", "and 52 more; --json tells all"]),
        ("marginal(x[60:62] | x[:60])", ["x[7, 4]  ", "x[7, 5]  ", ": 0."]),
        ("hitting(x[60:], 8..16 | x[:60])", ["x[7, 4]  ", "never  "]),
        ("I(digit; x[60] | x[:60])", ["nats"]),
        (
            "argmax(digit, x[62:] | x[:62])",
            ["log p of it and what is given: -", "digit=", "x[7, 6] = "],
        ),
        ("sample(x[32:] | x[:32]) * 3", ["3 draws of 64 symbols", "log p of what is given: -"]),
    ],
)
def test_every_kind_of_answer_is_told(run, digits_model, image, question, told):
    result = run("ask", digits_model, question, "--bind", f"x={image}")
    assert result.exit_code == 0, result.output
    for part in told:
        assert part in result.stdout


def test_signals_are_saved(run, digits_model, image, tmp_path):
    grid, best = tmp_path / "grid.png", tmp_path / "best.png"
    bind = ["--bind", f"x={image}"]
    run("ask", digits_model, "sample(x[32:] | x[:32]) * 4", *bind, "--out", grid)
    with Image.open(grid) as saved:
        assert saved.size[0] > 900
    run("ask", digits_model, "argmax(digit, x[63:] | x[:63])", *bind, "--out", best)
    with Image.open(best) as saved:
        assert saved.size == (8, 8)


def test_sounds_are_drawn_for_so_long(run, voices_model, tmp_path):
    out = tmp_path / "out.wav"
    result = run("ask", voices_model, "sample(x | speaker=ann) length 20ms", "--out", out)
    assert result.exit_code == 0, result.output
    assert len(soundfile.read(out)[0]) == 160


def test_a_clip_is_asked_about_by_seconds(lines, voices, voices_model):
    clip = voices / "ann_0.wav"
    (told,) = lines("ask", voices_model, "P(speaker | x[0s:20ms])", "--bind", f"x={clip}")
    expected = autoreg.load(voices_model).posterior(clip, stop=0.02)
    assert told["p"] == pytest.approx(expected.probs.tolist())


def test_a_seed_repeats_a_draw(lines, digits_model):
    one, two, other = (
        lines("ask", digits_model, "sample(x) * 2", "--seed", seed)[0] for seed in (1, 1, 2)
    )
    assert one["symbols"] == two["symbols"] != other["symbols"]
    assert one["seed"] == 1


@pytest.fixture
def script(image, tmp_path):
    """A function that writes a script beside the image that it names."""
    (tmp_path / "image.png").write_bytes(image.read_bytes())

    def write(*questions):
        path = tmp_path / "questions.aq"
        path.write_text("\n".join(['x = "image.png"  # beside the script', "", *questions]))
        return path

    return write


def test_a_script_is_answered_as_lines_of_json(run, lines, digits_model, script, tmp_path):
    path = script("P(digit | x[:t]) for t in 8..16 step 8", "S = 0..3", "P(x[3] in S | x[:3])")
    told = lines("ask", digits_model, "--script", path)
    assert [one["line"] for one in told] == [3, 3, 5]
    for name in ("question", "value", "p", "kind", "std_error", "method", "cost"):
        assert all(name in one for one in told)
    assert all({"reliable", "reason", "interval"} <= set(one) for one in told)
    out = tmp_path / "answers.jsonl"
    result = run("ask", digits_model, "--script", path, "--out", out)
    assert result.stdout == f"{out}: 3 answers\n"
    stored = [json.loads(line) for line in out.read_text().splitlines()]
    assert [one["value"] for one in stored] == [one["value"] for one in told]
    assert not list(tmp_path.glob("*.part"))


def test_a_script_may_come_from_a_pipe(digits_model, image):
    text = f'x = "{image}"\nlog P(x)\n'
    result = CliRunner().invoke(app, ["ask", str(digits_model), "--script", "-"], input=text)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "log P(x)"
    broken = CliRunner().invoke(app, ["ask", str(digits_model), "--script", "-"], input="P(")
    assert "stdin:1:3: expected" in broken.stderr


def test_a_failing_line_stops_and_leaves_no_file(run, digits_model, script, tmp_path):
    path, out = (
        script("P(digit | x)", "P(digit | x[:65])", "P(digit | x[:3])"),
        tmp_path / "a.jsonl",
    )
    result = run("ask", digits_model, "--script", path, "--out", out)
    assert (result.exit_code, result.stdout) == (1, "")
    first, shown, caret = result.stderr.splitlines()
    assert first == f"error: {path}:4:14: there are 64 positions; got 65"
    assert shown.strip() == "P(digit | x[:65])"
    assert caret.index("^") - shown.index("P") == 13
    assert not out.exists()
    assert not list(tmp_path.glob("*.part"))


def test_an_older_file_of_answers_survives_an_error(run, digits_model, script, tmp_path):
    out = tmp_path / "a.jsonl"
    out.write_text("precious")
    assert run("ask", digits_model, "--script", script("P("), "--out", out).exit_code == 1
    assert out.read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "ask needs either a QUESTION or a --script; got both or neither"),
        (["P(x)", "--script", "a.aq"], "got both or neither"),
        (["P(x)", "--bind", "x"], "a name is bound as name=file; got 'x'"),
        (["P(x)", "--bind", "x=a", "--bind", "x=b"], "x is bound twice"),
        (["--script", "none.aq"], "none.aq: No such file or directory"),
    ],
)
def test_what_is_not_understood_is_refused(refused, digits_model, arguments, message):
    assert message in refused("ask", digits_model, *arguments)


def test_numbers_have_no_file(run, digits_model, tmp_path):
    told = run("ask", digits_model, "P(digit)", "--out", tmp_path / "a.png")
    assert "--out takes the signals of sample(...) or argmax(...); P(digit) has" in told.stderr


def test_errors_point_at_the_question(run, digits_model, image):
    result = run("ask", digits_model, "P(digits | x)", "--bind", f"x={image}")
    assert result.exit_code == 1
    first, shown, caret = result.stderr.splitlines()
    assert (
        first == "error: column 3: digits is not known: the factors of the model are digit; "
        "bound is x"
    )
    assert caret.index("^") - shown.index("P") == 2


def test_whole_numbers_are_bound_as_such():
    assert bound(["t=-3", "mask=3.png"])["t"] == -3
