"""The contract that every dataset keeps, and the registry of their names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from bench.core.registry import Registry
from bench.core.types import Utterance


class Dataset(ABC):
    """A named, ordered set of recordings.

    Building one only looks at names, so that a typo is found before anything runs; audio is read
    clip by clip in ``load``, so that a corrupt file costs its own rows alone.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """As it appears in rows and tables; letters, digits, ``_``, ``-`` and ``.`` only."""

    @abstractmethod
    def ids(self) -> list[str]:
        """The utterances' ids, unique, in a stable order."""

    @abstractmethod
    def load(self, utterance: str) -> Utterance:
        """Read one recording.

        Raises:
            UserError: its files are missing, unreadable, or do not fit together.
        """

    def notes(self) -> list[str]:
        """What the user should know before anything is computed: a line each on what was given and is not read."""
        return []

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of the data (every file's bytes): equal exactly when the data are."""


DATASETS: Registry[Dataset] = Registry(
    "dataset",
    "sebench.datasets",
    {
        "demo": "bench.datasets.demo:Demo",
        "demo_full": "bench.datasets.demo:demo_full",
        "mixed_folders": "bench.datasets.mixed_folders:MixedFolders",
        "paired_folder": "bench.datasets.paired_folder:PairedFolder",
    },
)


def create(name: str, /, **options: Any) -> Dataset:
    """The dataset called ``name``."""
    return DATASETS.create(name, **options)
