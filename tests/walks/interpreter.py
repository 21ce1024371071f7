"""Tests that run in a process of their own, where Triton's interpreter stands in for a GPU.

Triton looks at its environment when a kernel is decorated, so a process either interprets or
compiles. Files named interpreted_*.py hold what is interpreted; pytest collects them by name only.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def check(name, *arguments):
    """Run a file of tests under the interpreter; its output is the message of a failure."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]
    ended = subprocess.run(
        [*command, str(HERE / name), *arguments],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
