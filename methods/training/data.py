"""Crops of (clean, noisy) recordings, drawn so that a stopped training continues exactly."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from bench.core.seeds import stable_seed
from bench.core.types import Audio
from methods.spectrogram import Spectrogram


class Source(Protocol):
    """Recordings by index; an index always gives the same pair."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:
        """(clean, noisy), both float32 ``[samples]`` of one length."""


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Crops of ``frames`` spectrogram frames, normalised by the peak of the whole noisy recording.

    The start is random in training and central in validation; shorter recordings are zero-padded, half
    on the left, as in the StoRM release.
    """

    def __init__(self, source: Source, spectrogram: Spectrogram, frames: int, seed: int | None) -> None:
        self.source = source
        self.samples = spectrogram.samples(frames)
        self.seed = seed

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        clean, noisy = self.source[index]
        excess = len(noisy) - self.samples
        start = 0
        if excess > 0:
            start = excess // 2
            if self.seed is not None:
                start = int(np.random.default_rng(stable_seed(self.seed, "crop", index)).uniform(0, excess))
        peak = float(np.abs(noisy).max()) or 1.0
        left = max(0, -excess) // 2
        pad = (left, max(0, -excess) - left)

        def crop(signal: Audio) -> Tensor:
            return torch.from_numpy(np.pad(signal[start : start + self.samples] / np.float32(peak), pad))

        return crop(clean), crop(noisy)


class EndlessSampler(Sampler[int]):
    """``start + rank``, then every ``world``-th index, modulo the length: epochs do not matter."""

    def __init__(self, length: int, start: int = 0, rank: int = 0, world: int = 1) -> None:
        self.length, self.start, self.world = length, start + rank, world

    def __iter__(self) -> Iterator[int]:
        for index in itertools.count(self.start, self.world):
            yield index % self.length


class TrainingData(lightning.LightningDataModule):
    """Loaders for training, continuing after the crops that the finished steps have consumed.

    Args:
        train, valid: recordings; of ``valid`` every one is used at each validation.
        batch_size, accumulate: crops a forward pass, and passes an optimiser step.
        workers: loader processes (0: load in the training process).
    """

    def __init__(
        self,
        train: Source,
        valid: Source,
        spectrogram: Spectrogram,
        *,
        frames: int,
        batch_size: int,
        accumulate: int,
        workers: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.train = Crops(train, spectrogram, frames, seed)
        self.valid = Crops(valid, spectrogram, frames, None)
        self.batch_size, self.accumulate, self.workers = batch_size, accumulate, workers
        self.consumed = 0

    def state_dict(self) -> dict[str, Any]:
        assert self.trainer is not None
        return {"consumed": self.trainer.global_step * self.batch_size * self.accumulate * self.trainer.world_size}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.consumed = state_dict["consumed"]

    def train_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        assert self.trainer is not None
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return self._loader(self.train, EndlessSampler(len(self.train), self.consumed, rank, world))

    def val_dataloader(self) -> DataLoader[tuple[Tensor, Tensor]]:
        return self._loader(self.valid, None)

    def _loader(self, crops: Crops, sampler: Sampler[int] | None) -> DataLoader[tuple[Tensor, Tensor]]:
        return DataLoader(
            crops,
            self.batch_size,
            sampler=sampler,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            prefetch_factor=4 if self.workers else None,
        )
