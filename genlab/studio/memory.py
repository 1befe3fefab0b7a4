"""Where a pipeline's parts live: all on the GPU, or brought there in turn when memory is short."""

import gc
from typing import Any

import torch

GIGABYTE = 1e9
RESERVE = 1.0  # gigabytes that stay free, for the driver and for fragments
PLACEMENTS = ("full", "model-offload", "sequential-offload")  # ever slower and more frugal


def networks(parts: dict[str, Any]) -> dict[str, torch.nn.Module]:
    """The networks among a pipeline's parts."""
    return {name: part for name, part in parts.items() if isinstance(part, torch.nn.Module)}


def network_bytes(network: torch.nn.Module, kind: str | None = None) -> int:
    """What the weights of ``network`` take, all or those on devices of ``kind``."""
    tensors = (*network.parameters(), *network.buffers())
    return sum(t.numel() * t.element_size() for t in tensors if kind in (None, t.device.type))


def choose(free: float, sizes: dict[str, float], work: float, frugal: bool = False) -> str:
    """The fastest placement that fits ``free`` gigabytes.

    Args:
        free: Gigabytes of the GPU that nobody else uses.
        sizes: Gigabytes of every network.
        work: Gigabytes for what the networks compute.
        frugal: The next one after it, because the fastest ran out of memory.
    """
    needs = (sum(sizes.values()), max(sizes.values(), default=0.0))  # of all but the last placement
    fitting = [i for i, need in enumerate(needs) if need + work + RESERVE <= free]
    first = min(fitting, default=len(needs)) + frugal
    return PLACEMENTS[min(first, len(needs))]


def place(pipe: Any, device: torch.device, placement: str) -> None:
    """Bring the networks of ``pipe`` to where ``placement`` wants them."""
    if placement == "full":
        pipe.to(device)
    elif placement == "model-offload":
        pipe.enable_model_cpu_offload(device=device)
    else:
        pipe.enable_sequential_cpu_offload(device=device)


def free_gigabytes(device: torch.device) -> float:
    """Memory of the GPU that can still be had; what our own cache holds counts as free."""
    free, _ = torch.cuda.mem_get_info(device)
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return (free + cached) / GIGABYTE


def collect() -> None:
    """Give back what nobody refers to any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out; PyTorch raises two kinds of it."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "not enough memory" in str(error)
    )
