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
        speech, estimate = _read(self._store.audio_path(key)), _read(self._store.estimate_path(key))
        return speech is not None, speech, estimate

    def write(self, key: Key, sample_rate: int, speech: Audio, estimate: Audio | None) -> str:
        """Store audio. Returns why that failed; empty if it did not."""
        try:
            if estimate is not None:
                audio.write(self._store.estimate_path(key), estimate, sample_rate)
            audio.write(self._store.audio_path(key), speech, sample_rate)
        except UserError as error:
            return str(error)
        return ""


def _read(path: Path) -> Audio | None:
    """Stored audio; None if there is none, or if it is damaged and must be computed again."""
    try:
        return audio.read(path)[0]
    except UserError:
        return None
