"""The machine that something was measured on."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import autoreg

FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve")
"""What a processor may have that products of matrices live on."""


def machine() -> dict[str, Any]:
    """Return processor, caches, GPU, versions, commit and date, as plain data."""
    return {
        "cpu": {
            "model": _processor(),
            "cores": cores(),
            "flags": _flags(),
            "caches": _caches(),
            "load": [round(one, 2) for one in os.getloadavg()],
        },
        "gpu": _gpu(),
        "system": platform.platform(),
        "versions": {
            "autoreg": autoreg.__version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in ("torch", "numpy", "numba", "triton")},
        },
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    return _told("model name") or platform.processor() or platform.machine()


def _flags() -> list[str]:
    known = set((_told("flags") or _told("Features")).split())
    return [flag for flag in FLAGS if flag in known]


def _told(field: str) -> str:
    """Return a field of what Linux says of its first processor; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""


def _caches() -> dict[str, str]:
    """Return the sizes of the caches of the first core, as Linux says them."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (index / name).read_text(encoding="utf-8").strip()
            for name in ("level", "type", "size")
        )
        found[f"L{level} {kind.lower()}"] = size
    return found


def _gpu() -> dict[str, Any] | None:
    if not torch.cuda.is_available():
        return None
    facts = torch.cuda.get_device_properties(0)
    return {
        "model": facts.name,
        "processors": facts.multi_processor_count,
        "memory": facts.total_memory,
        "cuda": torch.version.cuda,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the commit of the checkout that the package is in, "+" where files are changed."""
    folder = Path(autoreg.__file__).parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        commit, changes = (
            subprocess.run(
                ["git", *command], cwd=folder, capture_output=True, text=True, check=True
            ).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+" if changes else commit
