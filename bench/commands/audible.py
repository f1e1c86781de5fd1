"""What stored runs let one hear: the recordings of their datasets, and the enhanced speech that they kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio, Utterance
from bench.datasets import base
from bench.datasets.base import Dataset
from results.store.folder import Store
from results.store.merge import Stored
from results.store.rows import Key

KEEP = "run it again with keep_audio=all rescore=true and its other keys"


class Audible:
    """Signals by (dataset, utterance) and by a row's key.

    Args:
        runs: the stored runs.
        labels: for each run, the names that its methods have where the runs are merged.
    """

    def __init__(self, runs: Sequence[Stored], labels: Mapping[str, Mapping[str, str]]) -> None:
        self._runs = runs
        self._original = {run.name: {new: old for old, new in labels[run.name].items()} for run in runs}
        self._datasets: dict[str, Dataset] = {}

    def utterance(self, dataset: str, utterance: str) -> Utterance:
        """The recording. Raises ``UserError`` if it cannot be read."""
        if dataset not in self._datasets:
            recipe = next(
                run.manifest["datasets"][dataset] for run in self._runs if dataset in run.manifest["datasets"]
            )
            self._datasets[dataset] = base.create(recipe["name"], **recipe["options"])
        return self._datasets[dataset].load(utterance)

    def path(self, key: Key) -> Path | None:
        """The file of a row's enhanced speech; None if no run kept it."""
        for run in self._runs:
            known = self._original[run.name]
            own = replace(key, method=known.get(key.method, key.method))
            if own in run.rows and (path := Store(run.folder).audio_path(own)).is_file():
                return path
        return None

    def enhanced(self, key: Key, like: Utterance) -> Audio:
        """A row's enhanced speech.

        Raises:
            UserError: it was not kept, or does not fit the recording.
        """
        path = self.path(key)
        if path is None:
            raise UserError(f"{key.dataset}/{key.utterance}, {key.method}: the run kept no audio of it; {KEEP}")
        samples, rate = audio.read(path)
        if (rate, samples.size) != (like.sample_rate, like.noisy.size):
            raise UserError(
                f"{path}: {samples.size} samples at {rate} Hz, but the recording has {like.noisy.size} at "
                f"{like.sample_rate} Hz"
            )
        return samples


def first_by_system(keys: Iterable[Key]) -> dict[tuple[str, int | None], Key]:
    """By method and steps, the key with the lowest seed."""
    found: dict[tuple[str, int | None], Key] = {}
    for key in sorted(keys):
        found.setdefault((key.method, key.steps), key)
    return found
