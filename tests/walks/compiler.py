"""Kernels compiled for a GPU that need not be there."""

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

HOPPER = GPUTarget("cuda", 90, 32)

SHARED_MEMORY = 227 * 1024
"""What a block may ask for on compute capability 9.0, in bytes."""

TYPES = {
    torch.float64: "*fp64",
    torch.float32: "*fp32",
    torch.bfloat16: "*bf16",
    torch.int64: "*i64",
    torch.int32: "*i32",
    torch.int8: "*i8",
    torch.uint8: "*u8",
}


def compiled(kernel, arguments, constants, **options):
    """Return a kernel compiled for what a launch would give it."""
    names = kernel.arg_names
    kinds = [TYPES[a.dtype] if isinstance(a, torch.Tensor) else "i32" for a in arguments]
    signature = dict(zip(names, kinds, strict=False)) | dict.fromkeys(constants, "constexpr")
    assert list(signature) == names, "arguments come in the kernel's order"
    source = ASTSource(
        fn=kernel,
        signature=signature,
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={(n,): [["tt.divisibility", 16]] for n, kind in enumerate(kinds) if kind[0] == "*"},
    )
    options = {"num_warps": 8, "num_stages": 1, "enable_fp_fusion": True, **options}
    result = triton.compile(source, target=HOPPER, options=options)
    assert result.metadata.shared <= SHARED_MEMORY
    assert result.asm["cubin"]
    return result
