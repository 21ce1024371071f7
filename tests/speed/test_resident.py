import pytest

from autoreg.speed import resident


@pytest.mark.slow
def test_memory_is_that_of_the_process_that_worked():
    row = resident.hour(minutes=2)
    assert (row.job, row.unit, row.facts["of"]) == ("memory", "MB", "an hour of sound")
    assert 20 < row.other.median < 5000
    assert row.ratio.median == row.ours.median / row.other.median


@pytest.mark.slow
def test_clips_lie_in_folders_of_a_thousand():
    row = resident.clips(1200, few=1100)
    assert row.facts["of"] == "1,200 clips of 200 samples"
    assert row.ratio.median == pytest.approx(1, abs=0.2)


@pytest.mark.slow
def test_a_failure_is_told(tmp_path):
    with pytest.raises(RuntimeError, match=r"autoreg info .* failed: .*is not a model"):
        resident.peak_of("info", tmp_path / "nowhere")
