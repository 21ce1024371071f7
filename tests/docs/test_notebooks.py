"""Notebooks are kept without what they printed: who runs them sees their own outputs."""

import json

import pytest

from tests.docs.pages import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_output_and_no_count(notebook):
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    left = [
        number
        for number, cell in enumerate(code, 1)
        if cell["outputs"] or cell["execution_count"] is not None
    ]
    assert not left, f"nbstripout {notebook.name}: cells {left} hold what they printed"
