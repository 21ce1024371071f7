import torch

from autoreg.speed import asking
from autoreg.speed.generation import REFERENCE
from autoreg.speed.subjects import perturbed


def test_posteriors_are_beside_a_score_for_each_condition(tiny, brief):
    row = asking.every_posterior("tiny", tiny, 20, trial=brief)
    assert (row.against, row.facts) == (
        "one score for each condition",
        {"length": 20, "conditions": 2},
    )
    assert row.ratio.median > 0


def test_particles_fill_in_what_is_hidden_of_the_lower_half(brief, monkeypatch):
    monkeypatch.setattr(asking, "SIDE", 8)
    model = perturbed(2, conditions=(3,), residual=4, skip=6, hidden=5, dilations=(1, 2, 4))
    row = asking.filling("tiny", model, 8, trial=brief)
    assert (row.against, row.batch, row.ceiling) == (REFERENCE, 8, "gemm, float32")
    # Rows 4, 5, 6 are hidden and walked, row 7 is seen and read, by eight paths each; rows 0 to 3
    # are read once.
    assert row.facts["positions"] == 8 * 24 + 8 * 8 + 32


def test_every_fourth_row_of_the_lower_half_is_seen():
    model = perturbed(2, conditions=(3,), residual=2, skip=2, hidden=2, dilations=(1,))
    evidence = asking._lower_half(model)
    unknown = evidence.unknown.reshape(28, 28)
    assert not unknown[:14].any()
    assert [row for row in range(14, 28) if not unknown[row].any()] == [15, 19, 23, 27]
    assert torch.isfinite(evidence.log_condition).tolist() == [True, False, False]
