"""Names that every docstring example may use without importing them."""

import numpy
import pytest
import torch

import autoreg


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update(
        ar=autoreg,
        np=numpy,
        torch=torch,
        ConditionSpace=autoreg.ConditionSpace,
        MarkovTable=autoreg.MarkovTable,
    )
