import json

from autoreg.cli.judged import print_estimates, print_judgements, print_occlusion
from autoreg.evaluation import Estimate, Evaluation
from autoreg.occlusion import Occlusion


def evaluation_of(of, temperature=None):
    score = Estimate(-0.5, 0.1)
    return Evaluation(
        n=9,
        of=of,
        accuracy=Estimate(0.75, 0.25),
        nats_per_sequence=score,
        nats_given_label=score,
        bits_per_symbol=score,
        log_score=score,
        ece=score,
        temperature=temperature,
        calibrated_accuracy=None if temperature is None else Estimate(0.5, 0.25),
        calibrated_log_score=None if temperature is None else Estimate(-0.25, 0.1),
        calibrated_ece=None if temperature is None else score,
        protocol="by hand",
    )


def test_one_object_holds_all_questions(capsys):
    found = [evaluation_of(("a",), 2.0), evaluation_of(("a", "b"), 2.0)]
    print_judgements(found, name="m", seconds=1.0, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["of"], told["accuracy"], told["temperature"]) == (["a"], 0.75, 2.0)
    assert [one["of"] for one in told["targets"]] == [["a"], ["a", "b"]]
    assert told["targets"][1]["calibrated_accuracy"] == 0.5
    assert told["targets"][1]["calibrated_log_score"] == -0.25
    assert told["targets"][1]["std_error"]["accuracy"] == 0.25
    print_judgements(found[:1], name="m", seconds=1.0, as_json=True)
    assert "targets" not in json.loads(capsys.readouterr().out)


def test_table_has_a_row_for_each_question_and_says_what_is_calibrated(capsys):
    print_judgements(
        [evaluation_of(("a",)), evaluation_of(("b",))], name="m", seconds=1.0, as_json=False
    )
    told = capsys.readouterr().out
    for row in ("accuracy of a", "accuracy of b", "nats per sequence", "0.7500", "by hand"):
        assert row in told
    assert "temperature" not in told
    print_judgements([evaluation_of(("a",), 2.0)], name="m", seconds=1.0, as_json=False)
    told = capsys.readouterr().out
    assert "calibrated accuracy of a" in told
    assert "calibrated log score of a" in told
    assert "temperature 2, not the model's own posterior" in told


def test_hidden_parts_say_how_far_to_trust_them(capsys):
    found = Occlusion(
        mask="random",
        share=0.5,
        n=4,
        of=("a",),
        accuracy=Estimate(0.75, 0.25),
        log_score=Estimate(-0.5, 0.1),
        nats_per_hidden=Estimate(0.2, 0.01),
        nats_per_hidden_given_label=Estimate(0.1, 0.01),
        exact=0.0,
        reliable=0.75,
        spread=0.3,
        paths=128,
        seed=7,
        protocol="by hand",
    )
    print_occlusion(found, name="m", seconds=1.0, as_json=False)
    told = capsys.readouterr().out
    for part in ("random, 50.0% hidden", "reliable: 75.0%", "128 paths", "to 0.3 nats; seed 7"):
        assert part in told
    print_occlusion(found, name="m", seconds=1.0, as_json=True)
    assert json.loads(capsys.readouterr().out)["std_error"]["accuracy"] == 0.25


def test_estimate_that_is_not_there_has_no_row(capsys):
    print_estimates({"one": None, "two": Estimate(1.0, 0.5)})
    told = capsys.readouterr().out
    assert "two" in told
    assert "one" not in told
