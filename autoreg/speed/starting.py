"""How long the first answer takes."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from sklearn.datasets import load_digits

from autoreg.speed.rows import Row
from autoreg.speed.trial import Entry, Job, Trial, race, spread

ONCE = Trial(turn=1e-9, least=5, most=5)
"""One start a turn."""


def starting() -> list[Row]:
    """Return what importing takes beside importing torch, and what a first answer takes beyond.

    Everything runs in fresh processes, one of which has gone before: files are cached by the
    system, and what is compiled is kept.
    """
    digit = load_digits().images[0] * 255 / 16
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "digit.png"
        Image.fromarray(digit.astype("uint8")).save(image)
        rates = race(
            {
                "torch": Entry(_starting(["-c", "import torch"])),
                "autoreg": Entry(_starting(["-c", "import torch, autoreg"])),
                "questions": Entry(
                    _starting(["-c", "import autoreg; autoreg.WaveNet, autoreg.solve"])
                ),
                "classify": Entry(
                    _starting(["-m", "autoreg", "classify", "digits", str(image), "--json"])
                ),
            },
            ONCE,
        )
    seconds = {name: [1 / rate for rate in found] for name, found in rates.items()}
    rows = [
        Row(
            job="import",
            model="",
            unit="s",
            ours=spread(seconds[name]),
            threads=torch.get_num_threads(),
            against="import torch",
            other=spread(seconds["torch"]),
            ratio=spread(
                [mine / base for mine, base in zip(seconds[name], seconds["torch"], strict=True)]
            ),
            facts={"of": what},
        )
        for name, what in (
            ("autoreg", "import torch, autoreg"),
            ("questions", "import autoreg, with WaveNet and solve"),
        )
    ]
    beyond = [
        mine - base for mine, base in zip(seconds["classify"], seconds["torch"], strict=True)
    ]
    rows.append(
        Row(
            job="first answer",
            model="digits",
            unit="s",
            ours=spread(beyond),
            threads=torch.get_num_threads(),
            against="import torch",
            other=spread(seconds["torch"]),
            facts={"of": "autoreg classify of one digit, less import torch"},
        )
    )
    return rows


def _starting(arguments: Sequence[str]) -> Job:
    def start(times: int) -> None:
        for _ in range(times):
            subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)

    return start
