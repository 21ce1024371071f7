import subprocess
import sys

import autoreg


def test_package_is_a_program():
    command = [sys.executable, "-m", "autoreg", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == autoreg.__version__
