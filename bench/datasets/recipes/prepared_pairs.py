"""Training pairs from a prepared dataset (``bench data prepare``): its own splits, every recording once an epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.core import audio
from bench.core.errors import UserError
from bench.core.seeds import stable_seed
from bench.core.types import Audio
from bench.datasets.base import DATASETS
from bench.datasets.corpora.prepared import Prepared
from bench.datasets.leaks.sources import Sources, of_utterance
from bench.datasets.recipes.recordings import Split
from bench.datasets.recipes.training_pairs import TrainingMixtures

ENDLESS = 10**9

MOST_OF_A_ROOM = 3
"""Prints of a room that is known by its name."""


class PreparedPairs(Sequence[tuple[Audio, Audio]]):
    """Pairs ``(clean, noisy)``, float32 ``[samples]``, of a prepared dataset's split.

    Training goes through the recordings in another order each time, the same for the same seed; validation takes the
    first ``size``.

    Args:
        name: of the dataset; its card's.
        dir: where it was prepared; None: where that is by default.
        rate: in Hz, to which recordings at another are resampled.

    Raises:
        UserError: it is not prepared, or has no reference or no such split.
    """

    def __init__(
        self, split: Split, name: str, size: int | None = None, dir: str | None = None, seed: int = 0, rate: int = 16000
    ) -> None:
        data = DATASETS.create(name, split=split, dir=dir)
        if not isinstance(data, Prepared) or not data.about.has_reference(split):
            raise UserError(f"dataset={name}: has no clean speech to train with")
        self.data, self.split, self.seed, self.rate = data, split, seed, rate
        self._ids = data.ids()
        self._size = ENDLESS if split == "train" else min(size or len(self._ids), len(self._ids))

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> tuple[Audio, Audio]:  # type: ignore[override]
        if not 0 <= index < self._size:
            raise IndexError(index)
        one = self.data.load(self._ids[self._place(index)])
        if one.clean is None:
            raise UserError(f"{self.data.name}: {one.id} has no clean speech to train with")
        clean, noisy = (audio.resample(signal, one.sample_rate, self.rate) for signal in (one.clean, one.noisy))
        return clean, noisy

    def _place(self, index: int) -> int:
        """The recording of an index: the epoch's permutation."""
        if self.split != "train":
            return index
        epoch, place = divmod(index, len(self._ids))
        order = np.random.default_rng(stable_seed("epoch", self.seed, epoch)).permutation(len(self._ids))
        return int(order[place])

    def notes(self) -> list[str]:
        """As the dataset's."""
        return self.data.notes()

    def sources(self) -> Sources:
        """What the training sees, for the search for leaks; of a room that many recordings are in, some are enough."""
        heard: Counter[str] = Counter()
        items = []
        for name in self._ids:
            for one in of_utterance(self.data.load(name), look_up=False):
                heard[one.owner] += one.kind == "room"
                if one.kind != "room" or not one.owner or heard[one.owner] <= MOST_OF_A_ROOM:
                    items.append(one)
        return Sources(items, self.data.corpora)

    def __str__(self) -> str:
        """Its sources for a model card."""
        about, identity = self.data.about, self.data.identity()
        return (
            f"{about.name}, split {self.split}: {len(self._ids)} recordings of {', '.join(about.corpora) or 'a user'} "
            f"({about.licence}); content {identity.content[:16]}; {about.citation}"
        )


def training_source(
    split: Split, options: Mapping[str, Any], size: int | None = None
) -> PreparedPairs | TrainingMixtures:
    """The recordings that a configuration's ``dataset`` describes: prepared where it has a ``name``, else generated."""
    if options.get("name") is not None:
        return PreparedPairs(split, size=size, **options)
    return TrainingMixtures(split, size=size, **options)
