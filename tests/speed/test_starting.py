import pytest

from autoreg.speed import starting
from autoreg.speed.trial import Trial


@pytest.mark.slow
def test_imports_and_a_first_answer_are_beside_torch(monkeypatch):
    monkeypatch.setattr(starting, "ONCE", Trial(turn=1e-9, least=1, most=1))
    rows = starting.starting()
    assert [row.job for row in rows] == ["import", "import", "first answer"]
    assert all(row.against == "import torch" and row.unit == "s" for row in rows)
    assert all(row.ours.median > 0 for row in rows[:2])


def test_a_program_that_fails_is_not_timed():
    with pytest.raises(starting.subprocess.CalledProcessError):
        starting._starting(["-c", "raise SystemExit(3)"])(1)
