"""Names that every docstring example may use without importing them."""

import numpy
import pytest
import torch

import autoreg


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, object]) -> None:
    # The public names are looked up here, not above: pytest reads this file before it puts the
    # shape checks in place, and a room imported earlier would go unchecked.
    doctest_namespace.update(
        ar=autoreg,
        np=numpy,
        torch=torch,
        ConditionSpace=autoreg.ConditionSpace,
        MarkovTable=autoreg.MarkovTable,
    )
