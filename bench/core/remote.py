"""Files and folders at URLs of any kind that fsspec knows (s3, gs, sftp, http, ...), as copies in the user's cache.

A copy is asked for wherever a path is needed, so that nothing else knows of URLs, and every machine of a cluster makes
its own. What has changed at its source since, by size and tag, is fetched again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from bench.core.cache import cache_folder
from bench.core.download import download
from bench.core.errors import UserError
from bench.core.files import naming, replacing, safe_name
from bench.core.notes import show

TOGETHER = 32
"""Files that are fetched at a time, after which an interrupted copy continues."""

_TAGS = (
    "ETag",
    "etag",
    "md5Hash",
    "crc32c",
    "Content-MD5",
    "Digest",
    "Last-Modified",
    "LastModified",
    "mtime",
    "created",
)


def is_url(text: object) -> bool:
    """Whether this is a URL, such as ``s3://bucket/folder``, and no path."""
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", str(text)))


@dataclass(frozen=True)
class File:
    """A file's path in its file system, and what tells one state of it from another."""

    path: str
    tag: Sequence[Any]


@dataclass(frozen=True)
class Place:
    """A URL with the file system that it is in.

    Attributes:
        fs: of fsspec.
        path: in it.
    """

    url: str
    fs: Any
    path: str

    @staticmethod
    def of(url: str) -> Place:
        """Raises ``UserError``: nothing here knows such URLs, or this one holds a password."""
        if urlsplit(url).password is not None:
            user, _, host = urlsplit(url).netloc.rpartition("@")
            raise UserError(
                f"{user.partition(':')[0]}@{host}: a URL with a password, which would end up in manifests and logs; "
                "give it to fsspec otherwise (its configuration files, or the environment)"
            )
        import fsspec

        with told(url):
            fs, path = fsspec.core.url_to_fs(url)
        return Place(url.rstrip("/"), fs, str(path))

    def at(self, *names: str) -> Place:
        """What lies below it."""
        return Place("/".join([self.url, *names]), self.fs, "/".join([self.path.rstrip("/"), *names]))

    @property
    def is_web(self) -> bool:
        """Whether it is on a web server, where a folder is a page with links, and ends in a slash."""
        return urlsplit(self.url).scheme in ("http", "https")

    def below(self) -> dict[str, File]:
        """All files below it by their relative names; itself, as "", if it is a file."""
        with told(self.url):
            self.fs.invalidate_cache()
            if not self.path.endswith("/") if self.is_web else self.fs.isfile(self.path):
                return {"": File(self.path, _tag(self.fs.info(self.path)))}
            self.fs.ls(self.path)  # ``find`` takes a server that does not answer for an empty folder
            found = {str(path): info for path, info in self.fs.find(self.path, detail=True).items()}
            if self.is_web:  # links have no sizes
                with ThreadPoolExecutor(TOGETHER) as pool:
                    found = dict(zip(found, pool.map(self.fs.info, found), strict=True))
        base = str(self.fs._strip_protocol(self.path)).rstrip("/") + "/"
        files = {path.partition(base)[2]: File(path, _tag(info)) for path, info in found.items()}
        named = {unquote(name) if self.is_web else name: file for name, file in files.items()}
        return {name: file for name, file in named.items() if not {"", ".", ".."} & set(name.split("/"))}


@contextmanager
def told(url: str) -> Iterator[None]:
    """Whatever goes wrong at a URL as one line. Every kind of file system has exceptions of its own."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        if not isinstance(error.__cause__, OSError):
            raise UserError(f"{url}: no such file or folder") from None
        raise UserError(f"{url}: no answer") from error
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{url}: cannot be used ({lines[0][:200]})") from error


def copied(url: str) -> Path:
    """The copy of a file or folder, with its own name.

    If its source does not answer, a whole copy from before is used, and a note says so.

    Raises:
        UserError: it cannot be fetched.
    """
    place = Place.of(url)
    own = safe_name(unquote(PurePosixPath(urlsplit(place.url).path).name)) if urlsplit(place.url).path else "root"
    target = cache_folder("urls") / safe_name(place.url) / own
    with naming(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / ".lock"):
        _Copy(place, target).refresh()
    return target


def copies(urls: Sequence[str]) -> list[Path | UserError]:
    """The copies of many files, or why there is none."""

    def one(url: str) -> Path | UserError:
        try:
            return copied(url)
        except UserError as error:
            return error

    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(one, urls))


class _Copy:
    """A file or folder and its copy; ``.copied.json`` beside that says what of it is here, and whether that is all."""

    def __init__(self, place: Place, target: Path) -> None:
        self._place, self._target = place, target
        self._state = target.parent / ".copied.json"
        found = json.loads(self._state.read_text(encoding="utf-8")) if self._state.is_file() else {}
        self._here: dict[str, Sequence[Any]] = found.get("files", {})
        self._whole: bool = found.get("whole", False)
        self._begun: Sequence[Any] = found.get("begun", ())

    def refresh(self) -> None:
        try:
            there = self._place.below()
        except UserError as error:
            if error.__cause__ is None or not self._whole:
                raise
            show([f"{error}; taken as it was fetched before"])
            return
        if not there:
            raise UserError(f"{self._place.url}: no file in it")
        for name in self._here.keys() - there.keys():
            self._path(name).unlink(missing_ok=True)
        new = [
            name for name, file in there.items() if self._here.get(name) != file.tag or not self._path(name).is_file()
        ]
        self._here, self._whole = {name: file.tag for name, file in there.items() if name not in new}, False
        if len(new) > TOGETHER:
            show([f"{self._place.url}: fetching {len(new)} files"])
        for start in range(0, len(new), TOGETHER):
            some = {name: there[name] for name in new[start : start + TOGETHER]}
            self._fetch(some)
            self._here |= {name: file.tag for name, file in some.items()}
            self._write()
        self._whole = True
        self._write()

    def _fetch(self, files: Mapping[str, File]) -> None:
        for name in files:
            with naming(self._path(name)):
                self._path(name).parent.mkdir(parents=True, exist_ok=True)
        if self._place.is_web and list(files) == [""]:
            if self._begun != files[""].tag:  # ``download`` continues what was interrupted
                self._target.with_name(f"{self._target.name}.part").unlink(missing_ok=True)
                self._begun = files[""].tag
                self._write()
            download(self._place.url, self._target)
            return
        parts = {name: self._path(name).with_name(f".part.{self._path(name).name}") for name in files}
        with told(self._place.url):
            self._place.fs.get([file.path for file in files.values()], [str(part) for part in parts.values()])
        for name, part in parts.items():
            with naming(part):
                part.replace(self._path(name))

    def _path(self, name: str) -> Path:
        return self._target / name if name else self._target

    def _write(self) -> None:
        state = {"whole": self._whole, "files": self._here, "begun": self._begun}
        with replacing(self._state) as temporary:
            temporary.write_text(json.dumps(state), encoding="utf-8")


def _tag(info: Mapping[str, Any]) -> list[Any]:
    return [info.get("size"), *(str(info[name]) for name in _TAGS if info.get(name) is not None)]
