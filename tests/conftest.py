"""One thread, named Hypothesis profiles, and a guard over the state that every test shares."""

import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import settings

# Tensors of tests are tiny: on two threads they wait for each other most of the time. The variable
# is for the processes that tests start.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Nothing here has a deadline, because the first call of a kernel pays for loading it.
settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", settings.get_profile("ci"), deadline=None)
settings.register_profile("nightly", max_examples=2000, deadline=None, print_blob=True)
# As many examples as at night, and the same ones each time: what a release note can quote.
settings.register_profile("laws", max_examples=2000, deadline=None, derandomize=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "dev")
)


@pytest.fixture(autouse=True)
def _shared_state_stays() -> Iterator[None]:
    """Fail a test that drew from a global generator or changed a global setting."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    torch_state, numpy_state = torch.get_rng_state(), _numpy_state()
    yield
    moved = []
    if torch.get_default_dtype() != dtype:
        moved.append(f"torch's default dtype ({dtype} -> {torch.get_default_dtype()})")
        torch.set_default_dtype(dtype)
    if torch.get_num_threads() != threads:
        moved.append(f"torch's number of threads ({threads} -> {torch.get_num_threads()})")
        torch.set_num_threads(threads)
    if not torch.equal(torch.get_rng_state(), torch_state):
        moved.append("torch's global generator")
    if _numpy_state() != numpy_state:
        moved.append("numpy's global generator")
    if moved:
        pytest.fail(
            f"the test moved {', '.join(moved)}. Pass a generator; where torch offers no argument "
            "(fresh parameters), stay inside torch.random.fork_rng(devices=[]).",
            pytrace=False,
        )


def _numpy_state() -> tuple[bytes, int]:
    """Return what numpy's legacy global generator would draw from next."""
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002 - the very state that is guarded
    return keys.tobytes(), position
