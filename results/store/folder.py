"""A run's folder: rows, audio and manifest. One writer, any number of readers.

``rows.jsonl`` is append-only: a process that is killed loses at most the row it was writing. A row that is computed
again is appended again; the last one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from bench.core.errors import Unfinished, UserError
from bench.core.files import naming, replacing, safe_name
from bench.core.records import parse
from bench.core.seeds import stable_seed
from results.store.columns import ByKey, last_of_each
from results.store.lines import is_json, no_collection, unfinished, whole_lines
from results.store.manifest import check
from results.store.reading import RowReader
from results.store.remote import Remote
from results.store.rows import READABLE, SCHEMA_VERSION, Key, Row
from results.store.standings import StandingReader, Standings

T = TypeVar("T")

SYNC_SECONDS = 1.0


class Busy(UserError):
    """Another process writes to the run."""


class Store:
    """The folder of one run.

    Reading never locks. The first write, or ``with Store(folder) as store:``, creates the folder and takes its lock.
    The operating system releases the lock when the process ends, also after a crash.

    Raises (every method):
        UserError: the folder cannot be used; the line names the file.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.rows_path = self.folder / "rows.jsonl"
        self.manifest_path = self.folder / "manifest.json"
        self.remote = Remote.of(self.folder)
        self._lock = FileLock(self.folder / ".lock", thread_local=False)
        self._file: FileIO | None = None
        self._opened: os.stat_result
        self._safe, self._synced, self._end = 0, 0.0, 0

    def __enter__(self) -> Store:
        self.lock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def lock(self) -> None:
        """Take the writer's lock, unless this store already has it.

        Raises:
            Busy: another process, or another ``Store`` in this process, has it.
        """
        if self._lock.is_locked:
            return
        with naming(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise Busy(
                    f"{self.folder}: another `bench run` is writing here; wait for it, or choose another run=NAME"
                ) from None

    def close(self) -> None:
        """Release the lock. The store can be used again."""
        try:
            if self._file is not None:
                with naming(self.rows_path), self._file as file:
                    self._sync(file)
        finally:
            self._file = None
            self._lock.release()

    def pull(self) -> None:
        """Bring here what a run at a URL has."""
        if self.remote is not None:
            self._open()  # an unfinished last line is neither sent nor counted as sent
            self.remote.pull(self._extend)

    def _extend(self, lines: bytes) -> None:
        file = self._open()
        with naming(self.rows_path):
            self._write(file, lines)
            self._sync(file)

    def append(self, row: Row) -> None:
        """Store ``row``. When this returns, it survives whatever ends the process.

        It is forced onto the disk within ``SYNC_SECONDS`` of further rows, and when the store is closed: that takes
        longer than all else about a row, and a power cut would only have the last second's cells computed again.

        Raises:
            Unfinished: another program has removed, replaced or changed the file since.
        """
        file = self._open()
        line = f"{row.to_json()}\n".encode("utf-8", "surrogatepass")
        self._check_untouched()
        with naming(self.rows_path):
            self._write(file, line)
            if monotonic() - self._synced >= SYNC_SECONDS:
                self._sync(file)

    def _write(self, file: FileIO, lines: bytes) -> None:
        end = self._end + len(lines)
        try:
            while lines:
                lines = lines[file.write(lines) :]
        except BaseException:  # a full disk, Ctrl-C: remove the incomplete row
            with suppress(OSError):
                file.truncate(self._end)
            raise
        self._end = end

    def _check_untouched(self) -> None:
        """What is written to a file that was removed is lost with it, and nobody would say so."""
        try:
            found = self.rows_path.stat()
            untouched = os.path.samestat(found, self._opened) and found.st_size == self._end
        except OSError:
            untouched = False
        if not untouched:
            raise Unfinished(
                f"{self.rows_path}: another program has removed, replaced or changed it while this run was writing; "
                "the same command computes what is missing"
            )

    def _sync(self, file: FileIO) -> None:
        """Force the rows onto the disk; those that it refuses are taken back, to be computed again."""
        try:
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(self._safe)
            self._end = self._safe
            raise
        self._safe, self._synced = file.seek(0, os.SEEK_END), monotonic()

    def rows(self) -> ByKey:
        """Every stored row. Of several rows with one key the last counts; an unfinished last line is ignored.

        Raises:
            UserError: a line is not a row, or of another schema version; the message names file and line.
        """
        reader = RowReader()
        for _ in self._each(reader.read):
            pass
        return ByKey(last_of_each(reader.rows()))

    def standings(self) -> Standings:
        """What a resumed run asks of the stored rows, in a fraction of the time and memory that they take.

        Raises:
            UserError: as ``rows``, though what a standing does not need is not checked.
        """
        with no_collection():
            return Standings(self.rows_path, self._each(StandingReader()))

    def _each(self, read: Callable[[bytes], T]) -> Iterator[tuple[int, T]]:
        """What ``read`` makes of every line, and the offset of the line."""
        with naming(self.rows_path):
            for number, (offset, line) in enumerate(whole_lines(self.rows_path), start=1):
                if line == b"\n":
                    continue
                try:
                    found = read(line)
                except ValueError as error:
                    raise UserError(f"{self.rows_path}, line {number}: {error}") from error
                yield offset, found

    def audio_path(self, key: Key) -> Path:
        """The file of ``key``'s enhanced speech: unique for each key, and always inside the folder.

        Files are spread over 256 folders by a hash of the utterance, so that no folder holds more than some thousand of
        a million. A file that an earlier version wrote beside these folders is found there.
        """
        steps = "-" if key.steps is None else str(key.steps)
        seed = "-" if key.seed is None else str(key.seed)
        folder = self.folder / "audio" / safe_name(key.dataset) / safe_name(key.method) / steps / seed
        name = f"{safe_name(key.utterance)}.wav"
        if (folder / name).is_file():
            return folder / name
        return folder / f"{stable_seed(key.utterance) % 256:02x}" / name

    def estimate_path(self, key: Key) -> Path:
        """The file of a two-stage method's first estimate."""
        path = self.audio_path(key)
        return self.folder / "estimates" / path.relative_to(self.folder / "audio")

    def holds(self, path: Path) -> bool:
        """Whether this audio is stored, here or at the run's URL."""
        return path.is_file() or (self.remote is not None and self.remote.has_audio(path))

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace ``manifest.json`` atomically."""
        self.lock()
        with replacing(self.manifest_path) as temporary:
            text = json.dumps({"schema": SCHEMA_VERSION, **manifest}, indent=2, ensure_ascii=False, allow_nan=False)
            temporary.write_text(f"{text}\n", encoding="utf-8", errors="surrogatepass")

    def read_manifest(self) -> dict[str, Any] | None:
        """The stored manifest, or None if there is none yet.

        Raises:
            UserError: not a manifest, a damaged one, or of another schema version.
        """
        content = self._read(self.manifest_path)
        if not content:
            return None
        try:
            manifest = parse(content.decode("utf-8", "surrogatepass"))
        except ValueError as error:
            raise UserError(f"{self.manifest_path}: not JSON ({error})") from error
        version = manifest.pop("schema", None) if isinstance(manifest, dict) else None
        if version not in READABLE:
            raise UserError(
                f"{self.manifest_path}: schema {version}, this version reads {' and '.join(map(str, READABLE))}; "
                "choose another run=NAME"
            )
        try:
            check(manifest)
        except ValueError as error:
            raise UserError(f"{self.manifest_path}: damaged, {error}; choose another run=NAME") from error
        return dict(manifest)

    def _read(self, path: Path) -> bytes:
        """The file's bytes; empty if there is no file yet."""
        with naming(path):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return b""

    def _open(self) -> FileIO:
        """Open ``rows.jsonl`` for appending, after repairing its last line."""
        if self._file is None:
            self.lock()
            with naming(self.rows_path):
                tail = unfinished(self.rows_path) if self.rows_path.exists() else b""
                self._file = FileIO(self.rows_path, "ab")
                self._opened = os.fstat(self._file.fileno())
                if tail and is_json(tail):  # only the newline is missing
                    self._file.write(b"\n")
                elif tail:
                    self._file.truncate(self._file.seek(0, os.SEEK_END) - len(tail))
            self._safe, self._synced = self._file.seek(0, os.SEEK_END), monotonic()
            self._end = self._safe
        return self._file
