"""The table of bugs names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = sorted(
    set(
        re.findall(
            r"`(tests/[\w/]+\.py)(?:::(\w+))?`", Path(__file__).with_name("README.md").read_text()
        )
    )
)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_is_named_is_there(file, test):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not test or re.search(rf"^def {test}\(", text, re.MULTILINE)


def test_every_test_of_this_folder_is_told_of():
    told = {test for _, test in NAMED}
    files = set(Path(__file__).parent.glob("test_*.py")) - {Path(__file__)}
    assert len(files) > 3
    for file in files:
        text = file.read_text(encoding="utf-8")
        for test in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE):
            assert test in told, f"{file.name}::{test} belongs into the table"
