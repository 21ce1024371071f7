"""Each module of the package has its test file."""

from pathlib import Path

import pytest

import autoreg

TESTS = Path(__file__).parent
PACKAGE = Path(autoreg.__file__).parent
MODULES = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name not in {"__init__.py", "conftest.py"}
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.as_posix())
def test_module_has_its_test_file(module):
    mirror = TESTS / module.with_name(f"test_{module.name}")
    assert mirror.is_file(), (
        f"autoreg/{module.as_posix()} needs tests/{mirror.relative_to(TESTS).as_posix()}"
    )
