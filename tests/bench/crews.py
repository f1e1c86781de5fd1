"""What workers of a test do. It imports little: every worker imports it before it begins."""

from __future__ import annotations

import os

import numpy as np


class Maker:
    def make(self, item: int) -> tuple[int, np.ndarray]:
        return os.getpid(), np.full(200_000, item, np.float32)


class Judge:
    def judge(self, signal: np.ndarray) -> tuple[int, float]:
        return os.getpid(), float(signal.mean())


class Together:
    """Says how many calls came with each."""

    def one(self, item: int) -> tuple[int, int]:
        return 1, item

    def several(self, calls: list[tuple[int]]) -> list[int]:
        if any(item == 7 for (item,) in calls):
            os.abort()
        return [value for (item,) in calls for value in (len(calls), item)]


class Count:
    """Knows how many items this worker has had."""

    def __init__(self) -> None:
        self.items = 0

    def __call__(self, item: int) -> int:
        self.items += 1
        return self.items
