"""Importing is cheap and changes nothing."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import autoreg

HEAVY = [
    "accelerate",
    "huggingface_hub",
    "lark",
    "matplotlib",
    "numba",
    "PIL",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "soundfile",
    "soxr",
    "tensorboard",
    "torchvision",
    "transformers",
    "typer",
]

# Of a picture and a small model, a verb needs none of these.
UNASKED = {
    "accelerate",
    "matplotlib",
    "sklearn",
    "sympy",
    "tensorboard",
    "torch._dynamo",
    "torch._inductor",
    "torchvision",
    "transformers",
    "triton",
}
# One picture is read sooner by torch than compiled loops are loaded; walks take those.
LOOPS = {"numba", "scipy"}

# What a person asks of tensors, as against `load` and `Density`, which open files.
ON_TENSORS = [name for name in autoreg.__all__ if name not in {"load", "Density"}]

EVERY_MODULE = """
import json, logging, os, pkgutil, warnings
import numpy, torch, autoreg
from importlib import import_module

def state():
    return [
        str(torch.get_default_dtype()),
        torch.get_num_threads(),
        torch.get_rng_state().tolist(),
        [str(part) for part in numpy.random.get_state()],
        torch.are_deterministic_algorithms_enabled(),
        torch.get_float32_matmul_precision(),
        logging.getLogger().level,
        logging.getLogger("autoreg").level,
        len(logging.getLogger().handlers),
        torch._tensor_str.PRINT_OPTS.precision,
        os.getcwd(),
    ]

before = state()
for module in pkgutil.walk_packages(autoreg.__path__, "autoreg."):
    if not module.name.endswith(("conftest", "__main__")):
        import_module(module.name)
print(json.dumps([b for b, a in zip(before, state()) if a != b]))
"""


def run(code: str) -> list[str]:
    """Return the list that a fresh interpreter prints as JSON in its last line."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_the_package_loads_no_heavy_library():
    code = "import json, sys, autoreg; print(json.dumps(sorted(sys.modules)))"
    assert not set(run(code)) & {*HEAVY, "torch._dynamo", "triton"}


def test_questions_on_tensors_load_no_heavy_library():
    asked = "; ".join(f"autoreg.{name}" for name in ON_TENSORS)
    code = f"import json, sys, autoreg; {asked}; print(json.dumps(sorted(sys.modules)))"
    assert not set(run(code)) & set(HEAVY)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "unasked"),
    [
        (["classify", "digits", "PICTURE"], UNASKED | LOOPS),
        (["score", "digits", "PICTURE"], UNASKED | LOOPS),
        (["sample", "digits", "--out", "PICTURE"], UNASKED),
    ],
    ids=lambda one: one[0] if isinstance(one, list) else "",
)
def test_a_verb_loads_what_it_is_asked_for(verb, unasked, tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(path)
    words = [str(path) if word == "PICTURE" else word for word in verb]
    code = (
        "import json, sys; from autoreg.cli.app import app; "
        f"app({[*words, '--device', 'cpu']}, standalone_mode=False); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    assert not set(run(code)) & unasked


def test_importing_every_module_changes_no_shared_state():
    assert run(EVERY_MODULE) == []


@pytest.mark.parametrize("name", autoreg.__all__)
def test_public_name_resolves_and_is_documented(name):
    assert getattr(autoreg, name).__doc__
    assert name in dir(autoreg)


def test_the_version_is_the_one_that_was_installed():
    code = (
        "import json, autoreg, importlib.metadata as m; "
        "print(json.dumps([autoreg.__version__, m.version('autoreg')]))"
    )
    ours, installed = run(code)
    assert ours == installed


def test_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(AttributeError, match="no public name 'posteriour'; it has load, Density"):
        _ = autoreg.posteriour
