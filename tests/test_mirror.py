"""Each module of the package has its test file."""

import ast
from pathlib import Path

import pytest

import autoreg

TESTS = Path(__file__).parent
PACKAGE = Path(autoreg.__file__).parent


def modules() -> list[Path]:
    """Return the files that define something; a room's __init__.py may be one of them."""
    files = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")}
    files -= {Path("__init__.py"), Path("conftest.py")}  # test_import.py is the first one's
    return sorted(
        file for file in files if not file.stem.startswith("__") or _defines(PACKAGE / file)
    )


def _defines(path: Path) -> bool:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.as_posix())
def test_module_has_its_test_file(module):
    mirror = module.with_name(f"test_{module.stem.strip('_')}.py")
    assert (TESTS / mirror).is_file(), f"autoreg/{module} needs tests/{mirror}"
