"""Crops of (clean, noisy) recordings, drawn so that a stopped training continues exactly."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from typing import Any, Protocol

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from bench.core.errors import UserError, did_you_mean
from bench.core.seeds import stable_seed
from bench.core.signals import ENDING
from bench.core.types import Audio
from methods.spectrogram import Spectrogram

NORMALISATIONS = ("noisy", "crop", "clean", "none")
"""What a crop is divided by: the peak of the whole noisy recording (the StoRM release), of the noisy
crop (the SGMSE release's "noisy"), of the clean crop (its "clean"), or nothing.

Enhancement always divides by the peak of the whole recording, as both releases do.
"""


class Source(Protocol):
    """Recordings by index; an index always gives the same pair."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:
        """(clean, noisy), both float32 ``[samples]`` of one length."""


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Crops of ``frames`` spectrogram frames, normalised by a peak.

    The start is random in training (given a ``seed``) and central in validation; shorter recordings are
    zero-padded, half on the left, as in the StoRM release.
    """

    def __init__(
        self, source: Source, spectrogram: Spectrogram, frames: int, seed: int | None, normalise: str = "noisy"
    ) -> None:
        if normalise not in NORMALISATIONS:
            raise did_you_mean("normalise", normalise, NORMALISATIONS)
        self.source = source
        self.samples = spectrogram.samples(frames)
        self.seed = seed
        self.normalise = normalise

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        clean, noisy = self.source[index]
        whole = _peak(noisy)
        start, pad = self._place(index, len(noisy))
        clean, noisy = (np.pad(signal[start : start + self.samples], pad) for signal in (clean, noisy))
        peak = {"noisy": whole, "crop": _peak(noisy), "clean": _peak(clean), "none": np.float32(1)}[self.normalise]
        return torch.from_numpy(clean / peak), torch.from_numpy(noisy / peak)

    def _place(self, index: int, length: int) -> tuple[int, tuple[int, int]]:
        """Where the crop of a recording of ``length`` samples starts, and how many zeros go on either side."""
        excess = length - self.samples
        if excess <= 0:
            left = -excess // 2
            return 0, (left, -excess - left)
        if self.seed is None:
            return excess // 2, (0, 0)
        return int(np.random.default_rng(stable_seed(self.seed, "crop", index)).uniform(0, excess)), (0, 0)


def _peak(signal: Audio) -> np.float32:
    """The largest magnitude; 1 for silence."""
    return np.float32(np.abs(signal).max()) or np.float32(1)


class EndlessSampler(Sampler[int]):
    """``start + rank``, then every ``world``-th index, modulo the length: epochs do not matter."""

    def __init__(self, length: int, start: int = 0, rank: int = 0, world: int = 1) -> None:
        self.length, self.start, self.world = length, start + rank, world

    def __iter__(self) -> Iterator[int]:
        for index in itertools.count(self.start, self.world):
            yield index % self.length


class TimedLoader(DataLoader[tuple[Tensor, Tensor]]):
    """A loader that knows how long it was waited for.

    Attributes:
        waited: seconds in which the training stood still for want of a batch.
    """

    waited: float = 0.0

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        batches = super().__iter__()
        while True:
            asked = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            except UserError as error:  # a loader process puts its whole traceback into the message
                raise UserError(str(error).rpartition("UserError: ")[2]) from error
            self.waited += time.perf_counter() - asked
            yield batch


class TrainingData(lightning.LightningDataModule):
    """Loaders for training, continuing after the crops that the finished steps have consumed.

    Args:
        train, valid: recordings; of ``valid`` every one is used at each validation.
        batch_size, accumulate: crops a forward pass on each device, and passes an optimiser step.
        workers: loader processes of each device (0: load in the training process; None: as many as
            there are cores to spare, at most eight).
        normalise: one of ``NORMALISATIONS``.
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
        workers: int | None,
        seed: int,
        normalise: str = "noisy",
    ) -> None:
        super().__init__()
        self.train = Crops(train, spectrogram, frames, seed, normalise)
        self.valid = Crops(valid, spectrogram, frames, None, normalise)
        self.batch_size, self.accumulate, self.workers = batch_size, accumulate, workers
        self.consumed = 0
        self.train_loader: TimedLoader | None = None

    def state_dict(self) -> dict[str, Any]:
        assert self.trainer is not None
        return {"consumed": self.trainer.global_step * self.batch_size * self.accumulate * self.trainer.world_size}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.consumed = state_dict["consumed"]

    def train_dataloader(self) -> TimedLoader:
        assert self.trainer is not None
        rank, world = self.trainer.global_rank, self.trainer.world_size
        self.train_loader = self._loader(self.train, EndlessSampler(len(self.train), self.consumed, rank, world))
        return self.train_loader

    def val_dataloader(self) -> TimedLoader:
        """Each device validates its share of the recordings."""
        assert self.trainer is not None
        return self._loader(self.valid, range(self.trainer.global_rank, len(self.valid), self.trainer.world_size))

    def _loader(self, crops: Crops, order: Sampler[int] | range) -> TimedLoader:
        assert self.trainer is not None
        workers = spare_cores(self.trainer.num_devices) if self.workers is None else self.workers
        return TimedLoader(
            crops,
            self.batch_size,
            sampler=order,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_ignore_signals,
        )


def spare_cores(devices: int, most: int = 8) -> int:
    """Loader processes for each of a machine's ``devices``: its cores shared out, less one for the training itself."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(most, cores // max(1, devices) - 1))


def _ignore_signals(_: int) -> None:
    """What asks for an end reaches the whole group of processes; the training process ends its loaders itself."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
