from dataclasses import replace

from autoreg.speed.rows import Row
from autoreg.speed.targets import TARGETS, verdicts
from autoreg.speed.trial import spread

ROW = Row(job="generation", model="B", unit="samples/s", ours=spread([20_000.0]))


def test_what_is_wanted_depends_on_job_model_and_batch():
    row = replace(ROW, ratio=spread([119.0]), fraction=spread([0.8]))
    assert [(one.wanted, one.met) for one in verdicts(row)] == [
        ("120x plain", False),
        ("within 1.3x reading the weights", True),
    ]
    assert verdicts(replace(row, model="A"))[0].wanted == "60x plain"
    assert [one.wanted for one in verdicts(replace(row, batch=16))] == ["60x plain"]
    assert [one.wanted for one in verdicts(replace(row, batch=256))] == ["40% of gemm"]
    assert verdicts(replace(row, model="mine")) == []


def test_nothing_is_said_of_what_was_not_measured():
    assert verdicts(ROW) == []


def test_a_gpu_has_targets_of_its_own():
    assert verdicts(replace(ROW, device="cuda"))[0].wanted == "30,000 samples/s"
    assert not verdicts(replace(ROW, device="cuda", batch=4096))[0].met


def test_every_target_can_be_written():
    for target in TARGETS:
        for bound in target.bounds.values():
            assert "{" not in target.wanted.format(bound)
