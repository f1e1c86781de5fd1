"""The stored audio of a run, read and written on the machine of its folder, beside the process that plans."""

from __future__ import annotations

from pathlib import Path

from bench.core import audio
from bench.core.errors import UserError
from bench.core.types import Audio
from results.store.folder import Store
from results.store.rows import Key


class Archive:
    """Reads and writes audio for a run. Rows and manifest are the planning process's own.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder)

    def read(self, key: Key) -> tuple[bool, Audio | None, Audio | None]:
        """Whether the enhanced speech is stored and whole; it; and the first estimate if that is stored."""
        speech, estimate = self._read(self._store.audio_path(key)), self._read(self._store.estimate_path(key))
        return speech is not None, speech, estimate

    def write(self, key: Key, sample_rate: int, speech: Audio, estimate: Audio | None) -> str:
        """Store audio. Returns why that failed; empty if it did not."""
        try:
            if estimate is not None:
                self._write(self._store.estimate_path(key), estimate, sample_rate)
            self._write(self._store.audio_path(key), speech, sample_rate)
        except UserError as error:
            return str(error)
        return ""

    def _write(self, path: Path, signal: Audio, sample_rate: int) -> None:
        audio.write(path, signal, sample_rate)
        if self._store.remote is not None:
            self._store.remote.send(path)

    def _read(self, path: Path) -> Audio | None:
        """Stored audio; None if there is none, or if it is damaged and must be computed again."""
        try:
            if self._store.remote is not None and not path.is_file():
                self._store.remote.bring(path)
            return audio.read(path)[0]
        except UserError:
            return None
