"""The type in which a forward pass multiplies."""

from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]


def multiplies_in(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the type that a setting means on a device.

    "auto" is bfloat16 where there are matrix units for it: AMX on a CPU, tensor cores on a GPU;
    elsewhere bfloat16 would be slower than float32, or merely as fast.

    Example:
        >>> multiplies_in("float32", torch.device("cpu"))
        torch.float32
    """
    if precision == "bfloat16" or (precision == "auto" and _has_matrix_units(device)):
        return torch.bfloat16
    return torch.float32


def _has_matrix_units(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # torch has no public name for it; a torch without this one trains in float32.
    known = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return device.type == "cpu" and known is not None and bool(known())
