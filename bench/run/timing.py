"""Wall-clock time of an enhancement, measured with the device synchronised."""

from __future__ import annotations

from time import perf_counter
from types import TracebackType


class Stopwatch:
    """``with Stopwatch("cuda:0") as watch: ...`` and then ``watch.seconds``.

    GPU calls return before the work is done, so the device is synchronised at both ends.
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
