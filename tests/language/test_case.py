"""The clauses of a question, and what it may not ask."""

import math

import numpy as np
import pytest
import torch

from autoreg.language.errors import QuestionError
from autoreg.language.evaluate import ask
from tests.language.worlds import alike, near, p, yes


@pytest.mark.parametrize(
    ("clause", "prior"),
    [
        ("prior training", [0.1, 0.2, 0.3, 0.4]),
        ("prior uniform", None),
        ("prior(digit: {1: 1})", [0, 0.5, 0, 0.5]),
        ('prior(digit: {0: 0.2, "1": 0.8}, "speaker": {bob: 1})', [0, 0, 0.2, 0.8]),
    ],
)
def test_a_prior_weighs_the_conditions(plain, clause, prior):
    for question in ("P(x) {}", "P(x[:2] | x[2:]) {}", "P(hit(x, 0)) {}"):
        holds, given = (alike(0, 1, 2, 3), yes)
        if "|" in question:
            holds, given = alike(0, 1), alike(2, 3)
        if "hit" in question:
            holds = lambda x, s, d: 0 in x
        assert p(plain, question.format(clause)) == near(plain.share(holds, given, prior))
    wanted = plain.share(lambda x, s, d: d == "1", alike(0, 1, 2, 3), prior)
    assert p(plain, f"P(digit=1 | x) {clause}") == near(wanted)


def test_by_chooses_the_method_and_with_the_paths(plain):
    exact = p(plain, "P(x[3] | x[0])")
    question = "P(x[3] | x[0]) {} with 640 paths"
    for method in ("by particles", 'by "dynamic programming"'):
        answer = ask(
            plain.density,
            question.format(method),
            x=plain.x,
            generator=torch.Generator().manual_seed(0),
        )
        error = 0 if answer.std_error is None else float(answer.std_error)
        assert abs(float(answer.value) - math.log(exact)) <= 4 * error + 1e-9


def test_what_is_not_bound_is_asked_for(plain, sound):
    with pytest.raises(QuestionError, match='column 3: x is not bound: write x = "file"'):
        ask(plain.density, "P(x) length 4")
    with pytest.raises(QuestionError, match="column 8: how long the signal is has to be known"):
        ask(sound.density, "sample(x)")
    with pytest.raises(QuestionError, match=r"column 3: x: nowhere\.npy: no such file"):
        ask(plain.density, "P(x)", x="nowhere.npy")
    with pytest.raises(QuestionError, match="column 3: x needs to be one signal; got 2"):
        ask(plain.density, "P(x)", x=np.zeros((2, 4), dtype=int))
