"""The folder that ``bench enhance`` writes: enhanced speech, and a record of how it was made.

``enhanced.jsonl`` has one line with the settings, and one line per file, written before the file gets its name. A file
without a line was not written by us and is never overwritten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from bench import __version__
from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import naming, sweep
from bench.core.folders import RECORD
from bench.core.types import Audio

_BEGINNING = b'{"sebench": '
"""The beginning of the record's first line."""


class EnhancedFolder:
    """A folder of enhanced speech, with this object as its only writer while it is open (``with``).

    Args:
        how: the settings; existing files must have been made with the same ones.

    Raises (on entering):
        UserError: the folder cannot be written, another process writes to it, or it was made with other settings.
    """

    def __init__(self, folder: Path, how: Mapping[str, Any]) -> None:
        self.folder = folder
        self._how: dict[str, Any] = json.loads(json.dumps(how, default=str))
        self._record = folder / RECORD
        self._stack = ExitStack()
        self._done: dict[str, Mapping[str, Any]] = {}

    def __enter__(self) -> EnhancedFolder:
        with naming(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
            try:
                self._stack.enter_context(lock.acquire(timeout=0))
            except Timeout:
                raise UserError(f"{self.folder}: another `bench enhance` is writing here; wait for it") from None
        try:
            self._read()
            sweep(self.folder)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def path(self, name: str) -> Path:
        """The file of a recording's enhanced speech."""
        return self.folder / f"{name}.wav"

    def done(self, name: str) -> Mapping[str, Any] | None:
        """The record's entry for this file; None if it must be computed."""
        return self._done.get(name) if self.path(name).exists() else None

    def check_free(self, names: Iterable[str]) -> None:
        """Raise ``UserError`` if one of these files exists and was not written by us."""
        strange = [name for name in names if name not in self._done and os.path.lexists(self.path(name))]
        if strange:
            more = f", and {len(strange) - 1} more" if strange[1:] else ""
            raise UserError(
                f"{self.path(strange[0])}{more}: there already and not made by this command; nothing is overwritten: "
                "name another out="
            )

    def write(self, name: str, speech: Audio, sample_rate: int, about: Mapping[str, Any]) -> None:
        """Store one file and its entry in the record.

        Raises:
            UserError: it cannot be written.
        """
        path = self.path(name)
        temporary = path.with_name(f".{os.getpid()}.part.wav")  # short, because ``name`` may have maximum length
        try:
            audio.write(temporary, speech, sample_rate)
            self._append({"file": path.relative_to(self.folder).as_posix(), **about})
            with naming(path):
                temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink()

    def _append(self, entry: Mapping[str, Any]) -> None:
        with naming(self._record), self._record.open("ab") as file:
            file.write(f"{json.dumps(entry, ensure_ascii=False)}\n".encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> None:
        """Read the record; if it is empty, write its first line."""
        with naming(self._record):
            content = self._record.read_bytes() if os.path.lexists(self._record) else b""
        *lines, torn = content.split(b"\n")  # an unfinished line: its file was never renamed
        try:
            how, *entries = [json.loads(line) for line in lines] or [{}]
            self._done = {str(entry["file"]).removesuffix(".wav"): entry for entry in entries}
            ours = how.keys() >= {"sebench"} if lines else torn[: len(_BEGINNING)] == _BEGINNING[: len(torn)]
            changed = [key for key in self._how if how.get(key) != self._how[key]]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            ours = False
        if not ours:
            raise UserError(f"{self._record}: damaged, or not written by `bench enhance`; name another out=")
        if entries and changed:
            old, new = (json.dumps(about.get(changed[0]))[:60] for about in (how, self._how))
            raise UserError(
                f"{self.folder}: what is there was made with another {changed[0]} ({old}, now {new}); name another out="
            )
        with naming(self._record):
            if content:
                os.truncate(self._record, len(content) - len(torn) if entries else 0)
            if not entries:
                self._append({"sebench": __version__, **self._how})
