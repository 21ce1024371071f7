"""Bounds on log Z from both sides, on average."""

import pytest
import torch

from autoreg.inference.sandwich import sandwich
from tests.inference.questions import ask, markov, questions, seen

QUESTIONS = questions()


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_truth_lies_between_on_average(name):
    """Single filters of few particles: their means are apart, with the truth between."""
    question, generator = QUESTIONS[name], torch.Generator().manual_seed(1)
    ends = []
    for _ in range(30):
        picked = torch.multinomial(question.probs, 2, replacement=True, generator=generator)
        found = sandwich(
            question.problem, question.paths[picked], particles=2, generator=generator
        )
        ends.append((found.lower, found.upper))
    lower, upper = torch.tensor(ends, dtype=torch.float64).unbind(1)
    reach = 4 / 30**0.5
    if torch.isfinite(lower).all():
        assert lower.mean() - reach * lower.std() <= question.log_z
    assert upper.mean() + reach * upper.std() >= question.log_z


def test_both_ends_meet_at_the_truth_with_many_filters():
    question, generator = QUESTIONS["runs"], torch.Generator().manual_seed(2)
    picked = torch.multinomial(question.probs, 2000, replacement=True, generator=generator)
    found = sandwich(question.problem, question.paths[picked], particles=16, generator=generator)
    assert abs(found.lower - question.log_z) < 4 * found.lower_error
    assert abs(found.upper - question.log_z) < 4 * found.upper_error
    assert found.gap == found.upper - found.lower


def test_what_the_model_wrote_and_then_lost_is_a_draw_that_gives_the_upper_end():
    """Masks of sequences of the model's own: the mean error of each end has its sign."""
    model, generator = markov(2, 2, 12), torch.Generator().manual_seed(3)
    below, above = [], []
    for _ in range(40):
        symbols = [0]
        for _ in range(7):
            row = model.log_probs(torch.tensor([[*symbols, 0]]), torch.tensor([0]))[0, -1]
            drawn = torch.multinomial(row.exp(), 1, generator=generator)
            symbols.append(int(drawn))
        known = [s if t in (2, 5, 7) else None for t, s in enumerate(symbols)]
        question = ask(model, seen(2, [symbols[0], *known[1:]]))
        path = torch.tensor(symbols)[question.problem.start : question.problem.stop]
        found = sandwich(question.problem, path.repeat(2, 1), particles=3, generator=generator)
        below.append(found.lower - question.log_z)
        above.append(found.upper - question.log_z)
    assert torch.tensor(below).mean() < 0 < torch.tensor(above).mean()
