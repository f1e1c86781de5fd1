"""Runs at a URL of any kind that fsspec knows: worked on in a folder here, and sent there.

Object stores cannot append. So there a log is in parts that are written once and never again: what a session has
computed in a minute, each under a name of its own. All of them in the order of their names are the log, of which the
last row of a key counts, whoever wrote it and however often. What a killed session has not sent is sent by the next one
here, or computed again elsewhere. Audio is sent before its row, tables and figures at the end.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Event, Lock, Thread
from time import time_ns
from typing import Any

from bench.core.cache import cache_folder
from bench.core.errors import UserError
from bench.core.files import digest, naming, replacing, safe_name
from bench.core.notes import show
from bench.core.remote import File, Place, is_url, told

SECONDS = 60.0
"""Rows are sent at least so often."""

_MARK = ".url"
_AUDIO = ("audio", "estimates")


def runs_folder(given: str | Path) -> Path:
    """The folder where runs are stored; of a URL, the one here in which they are worked on."""
    if not is_url(given):
        return Path(given).expanduser()
    url = str(given).rstrip("/")
    Place.of(url)
    folder = cache_folder("runs") / safe_name(url)
    if url_of(folder) != url:
        with replacing(folder / _MARK) as temporary:
            temporary.write_text(url, encoding="utf-8")
    return folder


def url_of(runs: Path) -> str | None:
    """The URL that a folder of runs is for; None: for none."""
    mark = runs / _MARK
    return mark.read_text(encoding="utf-8") if mark.is_file() else None


def names_of_runs(runs: Path) -> list[str]:
    """The names of the runs in a folder of runs; of one that is for a URL, of those at the URL too."""
    here, url = [path.name for path in runs.glob("*") if path.is_dir()], url_of(runs)
    if url is None:
        return here
    place = Place.of(url)
    with told(place.url):
        place.fs.invalidate_cache()
        there = place.fs.ls(place.path, detail=False) if place.fs.exists(place.path) else []
    return sorted({*here, *(str(path).rstrip("/").rpartition("/")[2] for path in there)})


class Remote:
    """One run, in ``folder`` and at a URL.

    Raises (every method):
        UserError: the URL cannot be used.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self._folder = url, folder
        self._rows, self._manifest = folder / "rows.jsonl", folder / "manifest.json"
        self._state = folder / ".sent.json"
        self._session = secrets.token_hex(4)
        self._sending = Lock()

    @staticmethod
    def of(folder: Path) -> Remote | None:
        """The run in this folder, if runs there are worked on for a URL."""
        url = url_of(folder.absolute().parent)
        return None if url is None else Remote(f"{url}/{folder.name}", folder)

    @cached_property
    def _place(self) -> Place:
        return Place.of(self.url)

    @cached_property
    def _audio_there(self) -> frozenset[str]:
        """The names of the audio files that are there."""
        return frozenset(f"{kind}/{name}" for kind in _AUDIO for name in self._files(kind))

    def pull(self, extend: Callable[[bytes], None]) -> None:
        """Bring rows and manifest here; what here is not yet sent is sent first.

        Args:
            extend: adds lines to the log here.
        """
        self._send_rows()
        known = self._sent()["parts"]
        parts = {name: file.path for name, file in self._parts().items() if name not in known}
        with told(self.url):
            found = self._place.fs.cat(list(parts.values())) if parts else {}
        for path in parts.values():
            lines = found[path] if isinstance(found, dict) else found
            extend(lines[: lines.rfind(b"\n") + 1])
        self._note(sent=self._size(), parts=[*known, *parts])
        text, own = self._text("manifest.json"), self._manifest.read_bytes() if self._manifest.is_file() else b""
        if text is not None and _sessions(text) > _sessions(own):
            with replacing(self._manifest) as temporary:
                temporary.write_bytes(text)
            self._note(manifest=digest(self._manifest))

    def exists(self) -> bool:
        """Whether there is anything of the run."""
        with told(self.url):
            return bool(self._place.fs.exists(self._place.at("manifest.json").path))

    def send_new(self) -> None:
        """Send the rows, and the manifest, that are not yet there."""
        with self._sending:
            self._send_rows()
            if (now := digest(self._manifest)) not in (None, self._sent()["manifest"]):
                self._write(self._place.at("manifest.json"), self._manifest.read_bytes())
                self._note(manifest=now)

    def _send_rows(self) -> None:
        state = self._sent()
        start = min(state["sent"], self._size())
        if self._size() <= start:
            return
        with naming(self._rows), self._rows.open("rb") as file:
            file.seek(start)
            lines = file.read()
        if lines := lines[: lines.rfind(b"\n") + 1]:
            name = f"{time_ns():020d}-{self._session}.jsonl"
            self._write(self._place.at("rows", name), lines)
            self._note(sent=start + len(lines), parts=[*state["parts"], name])

    def _parts(self) -> dict[str, File]:
        """The parts of the log by their names; a whole log too, in the folder of a run that somebody has put there."""
        parts = self._files("rows")
        whole = {f"rows.jsonl, {file.tag[0]} bytes": file for file in self._files("rows.jsonl").values()}
        return {name: parts[name] for name in sorted(parts)} | whole

    def send_tables(self) -> None:
        """Send everything but rows and audio."""
        self.send_new()
        names = [path.relative_to(self._folder) for path in self._folder.rglob("*") if path.is_file()]
        for name in names:
            own = name.parts[0] in _AUDIO or any(part.startswith(".") for part in name.parts)
            if not own and name.name not in (self._rows.name, self._manifest.name):
                self.send(self._folder / name)

    def send(self, path: Path) -> None:
        """Send one file."""
        with naming(path):
            content = path.read_bytes()
        self._write(self._place.at(path.relative_to(self._folder).as_posix()), content)

    def has_audio(self, path: Path) -> bool:
        """Whether this file of the run is there."""
        return path.relative_to(self._folder).as_posix() in self._audio_there

    def bring(self, path: Path) -> None:
        """Fetch a file of the run, if it is there."""
        if (content := self._text(path.relative_to(self._folder).as_posix())) is not None:
            with replacing(path) as temporary:
                temporary.write_bytes(content)

    def bring_audio(self) -> None:
        """Fetch all audio that is not here."""
        for name in sorted(self._audio_there):
            if not (self._folder / name).is_file():
                self.bring(self._folder / name)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send rows every minute, and at the end, whatever ended it."""
        ended = Event()

        def send() -> None:
            while not ended.wait(SECONDS):
                self._try(self.send_new)

        thread = Thread(target=send, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._try(self.send_new)

    def _try(self, send: Callable[[], None]) -> None:
        try:
            send()
        except UserError as error:
            show([f"{error}; results are kept in {self._folder}, and sent by the same command"])

    def _files(self, name: str) -> dict[str, File]:
        """What is below a name there, or under it, if that is a file; nothing if there is none."""
        place = self._place.at(name)
        with told(place.url):
            place.fs.invalidate_cache()
            exists = place.fs.exists(place.path)
        return place.below() if exists else {}

    def _text(self, name: str) -> bytes | None:
        with told(self.url):
            try:
                content: bytes = self._place.fs.cat_file(self._place.at(name).path)
            except FileNotFoundError:
                return None
        return content

    @staticmethod
    def _write(place: Place, content: bytes) -> None:
        with told(place.url):
            place.fs.makedirs(place.path.rpartition("/")[0], exist_ok=True)
            place.fs.pipe_file(place.path, content)

    def _size(self) -> int:
        return self._rows.stat().st_size if self._rows.is_file() else 0

    def _sent(self) -> dict[str, Any]:
        """What of the log is there, how many bytes of it and which parts, and which manifest."""
        found = json.loads(self._state.read_text(encoding="utf-8")) if self._state.is_file() else {}
        return {"sent": 0, "parts": [], "manifest": None, **found}

    def _note(self, **new: Any) -> None:
        with replacing(self._state) as temporary:
            temporary.write_text(json.dumps({**self._sent(), **new}), encoding="utf-8")


def _sessions(manifest: bytes) -> int:
    """How many sessions a manifest tells of: the one that tells of more goes on from the other.

    -1 where there is none, or one that was not sent whole: not every kind of file system replaces a file at once.
    """
    try:
        return len(json.loads(manifest).get("sessions", ()))
    except ValueError:
        return -1
