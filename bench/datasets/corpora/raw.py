"""A user's copy of a corpus: its parts found in folders or zip files, and told apart from what they are taken for."""

from __future__ import annotations

import difflib
import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.core.errors import UserError
from bench.core.names import examples, folded
from bench.core.types import Audio
from bench.datasets.corpora import sphere
from bench.datasets.files import text as read_text

SOUND = (".wav", ".flac", ".wv1", ".wv2", ".sph", ".nist")


@dataclass(frozen=True, order=True)
class RawFile:
    """A file of a corpus: in a folder, or a member of a zip file."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    @property
    def stem(self) -> str:
        return PurePosixPath(self.member or self.path.as_posix()).stem

    @property
    def folder(self) -> str:
        """The name of the folder that it lies in."""
        return PurePosixPath(self.member or self.path.as_posix()).parent.name

    def read(self, *, mixdown: bool = False, channel: int | None = None) -> tuple[Audio, int]:
        """Samples and rate in Hz.

        Raises:
            UserError: it cannot be read.
        """
        if not self.member:
            return sphere.read(self.path, mixdown=mixdown, channel=channel)
        with tempfile.NamedTemporaryFile(suffix=PurePosixPath(self.member).suffix) as file:
            file.write(self._bytes())
            file.flush()
            try:
                return sphere.read(Path(file.name), mixdown=mixdown, channel=channel)
            except UserError as error:
                raise UserError(str(error).replace(file.name, str(self))) from error

    def text(self) -> str:
        """Its content as UTF-8 text.

        Raises:
            UserError: it cannot be read.
        """
        if not self.member:
            return read_text(self.path)
        try:
            return self._bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{self}: not UTF-8 text ({error.reason} at byte {error.start})") from error

    def rate(self) -> int:
        """Sampling rate in Hz, from the header.

        Raises:
            UserError: it cannot be read.
        """
        if not self.member:
            return sphere.extent(self.path)[1]
        import soundfile

        try:
            return int(soundfile.info(io.BytesIO(self._bytes())).samplerate)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise UserError(f"{self}: not a readable audio file ({error})") from error

    def _bytes(self) -> bytes:
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(self.member)
        except (OSError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise UserError(f"{self}: cannot be read ({error}); download {self.path.name} again") from error


def root(folder: str | Path, key: str, get: str) -> Path:
    """The folder that was given for ``key``, if it is one.

    Raises:
        UserError: says how the corpus is to be had.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        what = "not a folder" if path.exists() else "no such folder"
        raise UserError(f"{key}={folder}: {what}; {get}")
    return path


def part(folder: Path, name: str, suffixes: Sequence[str] = SOUND) -> list[RawFile]:
    """The files of a corpus' part: in ``folder/NAME/`` or ``folder/NAME.zip``, in any case, sorted by their names.

    Raises:
        UserError: there is none; names what looks like it under another name, or what is in the way.
    """
    entries = sorted(folder.iterdir())
    for entry in entries:
        if folded(entry.name) == folded(name) and entry.is_dir():
            files = [
                RawFile(path) for path in entry.rglob("*") if path.suffix.lower() in suffixes and _is_visible(path)
            ]
            if files:
                return sorted(files, key=lambda file: (file.stem, str(file)))
            raise UserError(f"{entry}: no {'/'.join(suffixes)} file in it; unpack {name}.zip again, or keep the zip")
    for entry in entries:
        if folded(entry.name) == folded(f"{name}.zip"):
            return _members(entry, suffixes)
    shown = [entry.name for entry in entries]
    unfinished = [entry for entry in shown if folded(entry).startswith(folded(f"{name}.zip"))]
    if unfinished:
        raise UserError(f"{folder / unfinished[0]}: an unfinished download of {name}.zip; let it finish")
    near = difflib.get_close_matches(name, shown, n=1, cutoff=0.6)
    hint = (
        f"{near[0]} looks like a renamed or converted copy: the original is wanted, under its own name"
        if near
        else f"there is: {examples(shown, 5) or 'nothing'}"
    )
    raise UserError(f"{folder}: neither {name}/ nor {name}.zip in it; {hint}")


def has(folder: Path, name: str) -> bool:
    """Whether ``part`` would find something to look into."""
    known = {folded(entry.name) for entry in folder.iterdir()}
    return bool({folded(name), folded(f"{name}.zip")} & known)


def _members(path: Path, suffixes: Sequence[str]) -> list[RawFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a whole zip file ({error}); download it again") from error
    inside = [name for name in names if PurePosixPath(name).suffix.lower() in suffixes and "__MACOSX" not in name]
    if not inside:
        raise UserError(f"{path}: no {'/'.join(suffixes)} file in it; download it again")
    return sorted((RawFile(path, name) for name in inside), key=lambda file: (file.stem, str(file)))


def _is_visible(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and "__MACOSX" not in path.parts


def check_rate(file: RawFile, expected: int, accepted: int | None) -> None:
    """That a corpus lies here at its own rate: a copy that somebody else resampled gives other scores.

    Raises:
        UserError: it has another; ``accepted`` is the one that the user says to take.
    """
    found = file.rate()
    if found not in (expected, accepted):
        raise UserError(
            f"{file}: {found} Hz, where the corpus has {expected} Hz: a copy that was resampled by other software; get "
            f"the original, or accept it with source_rate={found} (it counts as another dataset)"
        )


def check_count(what: str, found: int, expected: int, partial: bool) -> list[str]:
    """That a part of a corpus is whole: a note where less was accepted.

    Raises:
        UserError: it is not whole.
    """
    if found == expected:
        return []
    if partial:
        return [f"{what}: {found} of {expected} files"]
    if found < expected:
        raise UserError(
            f"{what}: {found} of {expected} files: half unpacked? unpack it again, or accept it: partial=true"
        )
    raise UserError(f"{what}: {found} files, where the corpus has {expected}: another version? accept it: partial=true")
