"""What listeners have sent: finished sessions in ``submissions/``, those under way in ``progress/``.

Both are written before they are confirmed, as they were sent. Their size and number are bounded, and only answers to
the test are accepted, so that nobody fills the disk with something else.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock
from typing import Any

from bench.core.files import naming, replacing
from bench.core.records import parse
from listening_test.design.mapping import Test

BACKUPS, PROGRESS = "submissions", "progress"
LARGEST = 2**20
"""Maximum size of a session in bytes; a long one needs a tenth of it."""

MOST = 10_000
"""Maximum number of files in each folder."""

_UUID = re.compile(r"[0-9A-Za-z-]{8,64}")


class Refused(Exception):
    """A request that is not stored. ``status`` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Seen:
    """One session.

    Attributes:
        page, pages: how far it is; 0 if unknown.
        at: when it was last heard of, in seconds since 1970.
    """

    uuid: str
    listener: str
    group: str
    page: int
    pages: int
    finished: bool
    at: float


class Received:
    """The sessions of one test in a folder. Methods can be called from several threads."""

    def __init__(self, folder: Path, test: Test) -> None:
        self.folder, self.test = folder, test
        self._lock = Lock()
        self._read: dict[Path, tuple[float, Seen | None]] = {}
        for part in (BACKUPS, PROGRESS):
            with naming(folder / part):
                (folder / part).mkdir(parents=True, exist_ok=True)

    def submission(self, sent: str) -> tuple[Path, bool]:
        """Keep a finished session; its file, and whether it is new: the same one sent again is kept once.

        Raises:
            Refused: it is no finished session of this test, too large, or one too many.
        """
        data = self._session(sent)
        if not any(isinstance(trial, dict) and trial.get("id") in self.test.pages for trial in data["trials"]):
            raise Refused(400, "no page of this test is in it")
        mark = hashlib.sha256(sent.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        with self._lock:
            folder = self.folder / BACKUPS
            if known := next(folder.glob(f"*-{mark}.json"), None):
                return known, False
            self._room(folder)
            moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
            path = folder / f"{moment}-{mark}.json"
            _write(path, sent)
            (self.folder / PROGRESS / f"{data['uuid']}.json").unlink(missing_ok=True)
        return path, True

    def progress(self, sent: str) -> Path:
        """Keep a session that is under way, in place of its earlier state.

        Raises:
            Refused: it is no session of this test, too large, or one too many.
        """
        data = self._session(sent)
        path = self.folder / PROGRESS / f"{data['uuid']}.json"
        with self._lock:
            if any(seen.uuid == data["uuid"] and seen.finished for seen in self._all()):
                return path  # an answer that was on its way when the session was finished
            if not path.exists():
                self._room(path.parent)
            _write(path, sent)
        return path

    def state(self, uuid: str) -> Any:
        """What the listener's browser needs to go on with a session that is under way; None if it is unknown."""
        path = self.folder / PROGRESS / f"{uuid}.json"
        if not _UUID.fullmatch(uuid) or not path.is_file():
            return None
        try:
            return parse(path.read_text(encoding="utf-8", errors="replace"))["study"]["state"]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def seen(self) -> list[Seen]:
        """Every session, the latest first."""
        with self._lock:
            return sorted(self._all(), key=lambda one: -one.at)

    def _session(self, sent: str) -> Mapping[str, Any]:
        if len(sent) > LARGEST:
            raise Refused(413, "too large")
        try:
            data = parse(sent)
        except ValueError as error:
            raise Refused(400, "not JSON") from error
        if not isinstance(data, dict) or not isinstance(data.get("trials"), list):
            raise Refused(400, "no session")
        if data.get("testId") != self.test.name:
            raise Refused(400, "of another test")
        if not _UUID.fullmatch(str(data.get("uuid"))):
            raise Refused(400, "without a session's id")
        return data

    def _room(self, folder: Path) -> None:
        if sum(1 for _ in folder.iterdir()) >= MOST:
            raise Refused(507, f"{folder} holds {MOST} files already; move some elsewhere")

    def _all(self) -> Iterator[Seen]:
        for part in (BACKUPS, PROGRESS):
            for path in (self.folder / part).glob("[!.]*.json"):
                try:
                    at = path.stat().st_mtime
                    if self._read.get(path, (None,))[0] != at:
                        self._read[path] = at, _seen(path, at, part == BACKUPS)
                except OSError:  # finished at this moment
                    continue
                found = self._read[path][1]
                if found is not None:
                    yield found


def _write(path: Path, sent: str) -> None:
    """Write to the disk itself, not to its cache only: what is confirmed survives a loss of power."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(sent)
        file.flush()
        os.fsync(file.fileno())


def _seen(path: Path, at: float, finished: bool) -> Seen | None:
    """The session in a file; None if it is not one."""
    try:
        data = parse(path.read_text(encoding="utf-8", errors="replace"))
        participant, beside = data.get("participant") or {}, data.get("study") or {}
        given = dict(zip(participant.get("name", ()), participant.get("response", ()), strict=False))
        group = Path(str(data.get("config", ""))).stem
        page, pages = (int(beside.get(name) or 0) for name in ("page", "pages"))
        return Seen(str(data["uuid"]), str(given.get("listener") or ""), group, page, pages, finished, at)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
