"""Wall-clock time of an enhancement, measured when the device is done and not when it was asked."""

from __future__ import annotations

from time import perf_counter
from types import TracebackType


class Stopwatch:
    """``with Stopwatch("cuda:0") as watch: ...`` and then ``watch.seconds``.

    Work handed to a GPU returns before it is done; the device is waited for at both ends.
    """

    seconds: float = 0.0

    def __init__(self, device: str = "cpu") -> None:
        self._device = device

    def __enter__(self) -> Stopwatch:
        self._wait()
        self._start = perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._wait()
        self.seconds = perf_counter() - self._start

    def _wait(self) -> None:
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.synchronize(self._device)
