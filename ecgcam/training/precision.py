"""In which numbers to train: float32, or bf16, a product's factors in half as many bytes.

Weights, sums, statistics and losses stay in float32. Where the processor multiplies bf16 itself a
step takes 0.6 of the time, and the model is as good (docs/performance.md).
"""

from typing import Literal

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"]] = {  # as lightning calls them
    "float32": "32-true",
    "bf16": "bf16-mixed",
}
AUTO = "auto"

_X86 = ("amx_bf16", "avx512_bf16")  # the processors' instructions for bf16, as torch names them
_ARM = ("bf16",)


def multiplies_bf16() -> bool:
    """Whether the processor has instructions for it; without them it is slower than float32."""
    return _knows(*_X86, *_ARM)


def settled(precision: str) -> str:
    """One of PRECISIONS: what was asked for, or for "auto" the quicker one of this processor.

    On a GPU, where small networks wait for the way there and not for products, float32; on ARM too,
    where bf16 has not been measured.
    """
    if precision != AUTO:
        return precision
    import torch

    on_cpu = not torch.accelerator.is_available()
    return "bf16" if on_cpu and _knows(*_X86) else "float32"


def _knows(*instructions: str) -> bool:
    """Whether the processor has any of them."""
    import torch

    known = torch.cpu.get_capabilities()
    return any(known.get(name, False) for name in instructions)
