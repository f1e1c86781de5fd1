"""The interface of datasets, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from bench.core.notes import show
from bench.core.registry import Registry
from bench.core.types import Tag, Utterance
from bench.datasets.corpora.card import names as cards
from bench.datasets.identity import Identifying, Identity, kept_identity
from bench.datasets.scored import Scored

MANY = 1000
"""Recordings whose reading takes so long that it is said."""


class Dataset(ABC):
    """A named, ordered set of recordings.

    The constructor only reads file names, so that a typo is found before anything runs. Audio is read clip by clip in
    ``load``, so that a corrupt file affects only its own rows.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in rows and tables; only letters, digits, ``_``, ``-`` and ``.``."""

    @abstractmethod
    def ids(self) -> list[str]:
        """The utterances' ids, unique, in a stable order."""

    @abstractmethod
    def load(self, utterance: str) -> Utterance:
        """Read one recording.

        Raises:
            UserError: its files are missing, unreadable, or do not fit together.
        """

    def tags(self, utterance: str) -> Mapping[str, Tag]:
        """The recording's tags, as far as they are known without reading its audio."""
        return {}

    @property
    def corpora(self) -> tuple[str, ...]:
        """What it is made of, by the names that weights' training data are listed with; empty: not known."""
        return ()

    def notes(self) -> list[str]:
        """Notes shown before anything is computed, such as files that are not read; one line each."""
        return []

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of the data (every file's bytes): equal exactly if the data are equal."""

    def identity(self) -> Identity:
        """What the data are, however they are stored: ids, samples, rates and resampler. Reads every recording once.

        It is kept in a cache, by the fingerprint.
        """
        return kept_identity(self.fingerprint(), self._identify)

    @property
    def scored(self) -> Scored:
        """What a run scores of it where it names no metrics."""
        return Scored()

    def _identify(self) -> Identity:
        found = Identifying()
        if len(self.ids()) >= MANY:
            show([f"{self.name}: reading {len(self.ids())} recordings once, for the dataset's identity"])
        for name in self.ids():
            found.add(name, self._loaded(name))
        return found.found()

    def _loaded(self, name: str) -> Utterance | None:
        try:
            return self.load(name)
        except Exception:  # what is wrong with it stands in its own rows
            return None


DATASETS: Registry[Dataset] = Registry(
    "dataset",
    "sebench.datasets",
    {
        "demo": "bench.datasets.demo:Demo",
        "demo_full": "bench.datasets.demo:demo_full",
        "mixed_folders": "bench.datasets.mixed_folders:MixedFolders",
        "paired_folder": "bench.datasets.paired_folder:PairedFolder",
        **{name: f"bench.datasets.corpora.prepared:{name}" for name in cards()},
    },
)


def create(name: str, /, **options: Any) -> Dataset:
    """The dataset called ``name``."""
    return DATASETS.create(name, **options)
