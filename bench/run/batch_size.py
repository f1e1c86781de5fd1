"""How many clips go through a method's networks together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

from bench.core.notes import show

Batch = int | Literal["auto"]

LARGEST = 32
"""Of an automatic batch: larger ones are no faster on any GPU."""

SHARE = 0.8
"""Of the free memory."""

_CPU_REFUSES = ("can't allocate memory", "DefaultCPUAllocator", "not enough memory")


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that a device's or the computer's memory is used up."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _CPU_REFUSES)


class BatchSize:
    """The batch size for clips of a given length, on one device.

    A given number holds until memory runs out. "auto" is 1 on a CPU, where larger batches are no faster; on a GPU as
    many as fit into its free memory, according to the memory that earlier clips took.

    Args:
        asked: the size, or "auto".
        device: "cpu", "cuda", "cuda:1", ...
    """

    def __init__(self, asked: Batch, device: str) -> None:
        self._asked, self._device = asked, device
        self._on_gpu = device.startswith("cuda")
        self._bytes_per_sample = 0.0
        self._most_samples: float | None = None

    def of(self, length: int) -> int:
        """For clips of ``length`` samples."""
        if self._asked != "auto":
            size: float = self._asked
        elif not self._on_gpu or not self._bytes_per_sample:
            size = 1
        else:
            size = min(LARGEST, SHARE * self._free() / (self._bytes_per_sample * length))
        if self._most_samples is not None:
            size = min(size, self._most_samples / length)
        return max(1, int(size))

    def lower(self, length: int, size: int) -> None:
        """``size`` clips of ``length`` did not fit: half as many of them will be tried, and of others in proportion."""
        self._most_samples = length * max(1, size // 2)
        show([f"out of memory on {self._device} with a batch of {size}: {max(1, size // 2)} from now on"])

    def measured(self, length: int, size: int) -> AbstractContextManager[object]:
        """Learn from the block how much memory ``size`` clips of ``length`` take."""
        return self._measured(length, size) if self._asked == "auto" and self._on_gpu else nullcontext()

    @contextmanager
    def _measured(self, length: int, size: int) -> Iterator[None]:
        import torch

        before = torch.cuda.memory_allocated(self._device)
        torch.cuda.reset_peak_memory_stats(self._device)
        yield
        taken = torch.cuda.max_memory_allocated(self._device) - before
        self._bytes_per_sample = max(self._bytes_per_sample, taken / (length * size))

    def _free(self) -> int:
        """Bytes of the device that are free, or kept by this process for later."""
        import torch

        kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return int(torch.cuda.mem_get_info(self._device)[0]) + kept
