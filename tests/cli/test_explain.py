import pytest


def test_a_plan_tells_its_methods_and_costs(run, digits_model, image):
    question = "P(digit=3 | x[:62]) by particles"
    result = run("explain", digits_model, question, "--bind", f"x={image}")
    assert result.exit_code == 0, result.output
    rows = result.stdout.splitlines()
    assert rows[:2] == [question, "the posterior of digit, of which 3"]
    assert any("one score" in row for row in rows)


def test_a_plan_of_a_gap_counts_positions(run, digits_model, image):
    result = run("explain", digits_model, "P(x[20:22] in 0..3 | x[:20])", "--bind", f"x={image}")
    assert "positions stepped" in result.stdout
    assert "conditions 0..9" in result.stdout


@pytest.mark.parametrize("question", ["P(digit | x[:65])", "P(digit"])
def test_errors_point_at_the_question(run, digits_model, image, question):
    result = run("explain", digits_model, question, "--bind", f"x={image}")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: column ")
