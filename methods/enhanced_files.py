"""Match files enhanced by another system to recordings, by a pattern of names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from bench.core.audio import FORMATS
from bench.core.errors import UserError
from bench.core.names import Names, examples, folded

TRIED = 30
"""If no file matches, at most this many patterns are tried, on this many recordings."""

GUESSES = ("{id}*", "*{id}", "*{id}*", "{name}*", "*{name}", "*{name}*", "*/{id}*", "*/*{name}*")
"""Patterns that are tried if none without ``*`` matches."""


class Pattern:
    """A pattern of file names: ``{id}`` is the recording's id, ``{name}`` the id without its folders, ``*`` anything
    but a ``/``.

    Args:
        text: such as ``{id}_enhanced`` or ``noisy/{id}``; a suffix such as ``.wav`` is ignored.

    Raises:
        UserError: it contains neither ``{id}`` nor ``{name}``, or other braces.
    """

    def __init__(self, text: str) -> None:
        rest = re.sub(r"\{(id|name)\}", "", str(text))
        if rest == str(text) or {"{", "}"} & set(rest):
            raise UserError(
                f"pattern: '{text}' must say where the recording's name stands, as {{id}} or {{name}} (its last part): "
                "'{id}_enhanced'"
            )
        path = PurePosixPath(text)
        self.text = str(path.with_suffix("")) if path.suffix.lower() in FORMATS else str(text)

    def names(self, utterance_id: str) -> str:
        """The file's name, without suffix, for a recording; may contain ``*``."""
        given = {"id": utterance_id, "name": utterance_id.rsplit("/", maxsplit=1)[-1]}
        return re.sub(r"\{(id|name)\}", lambda field: given[field[1]], self.text)

    def matcher(self, utterance_id: str) -> Callable[[str], re.Match[str] | None]:
        """The test whether a folded name matches, for a pattern with ``*``. ``1`` does not match ``10`` or ``21``."""
        given = {"{id}": utterance_id, "{name}": utterance_id.rsplit("/", maxsplit=1)[-1], "*": "[^/]*"}
        regex = ""
        for part in re.split(r"(\{id\}|\{name\}|\*)", self.text):
            if part in ("{id}", "{name}"):
                regex += rf"(?<!\d(?=\d)){re.escape(folded(given[part]))}(?!(?<=\d)\d)"
            else:
                regex += given.get(part, re.escape(folded(part)))
        return re.compile(regex).fullmatch


class FilesById:
    """The files of a folder by the recordings they belong to; case and Unicode form may differ.

    Args:
        files: by relative name without suffix.
    """

    def __init__(self, folder: Path, files: Mapping[str, Path], pattern: Pattern) -> None:
        self.folder, self.files, self.pattern = folder, files, pattern
        self._names = Names(files)
        self._folded = {name: folded(name) for name in files}

    def candidates(self, utterance_id: str) -> list[str]:
        """The names of the files that match the recording."""
        if "*" not in self.pattern.text:
            return self._names.alike(self.pattern.names(utterance_id))
        fits = self.pattern.matcher(utterance_id)
        return [name for name, plain in self._folded.items() if fits(plain)]

    def find(self, utterance_id: str) -> Path:
        """The recording's file.

        Raises:
            UserError: there is none, or more than one.
        """
        found = self.candidates(utterance_id)
        if len(found) == 1:
            return self.files[found[0]]
        wanted = self.pattern.names(utterance_id)
        if not found:
            raise UserError(f"{self.folder / wanted}: no such recording in any format")
        raise UserError(f"{self.folder / wanted}: could be {examples(found)}; a narrower pattern says which")

    def matched(self, utterance_ids: Iterable[str]) -> dict[str, str]:
        """The file's name by recording, for recordings with exactly one file.

        Raises:
            UserError: there is none; the message has examples of both, and a matching pattern if one was found.
        """
        wanted = list(utterance_ids)
        found = {own: names[0] for own in wanted if len(names := self.candidates(own)) == 1}
        if found or not wanted:
            return found
        example, many = next(iter(self.files)), f"none of its {len(self.files)} files"
        raise UserError(
            f"{self.folder}: {many} has the name of a recording: '{example}' here, "
            f"'{self.pattern.names(wanted[0])}' wanted{self._advice(wanted)}"
        )

    def _advice(self, wanted: Sequence[str]) -> str:
        """The patterns that would match most of the recordings."""
        some = wanted[:: -(-len(wanted) // TRIED)]
        for texts in (self._guessed("{id}", some), self._guessed("{name}", some), GUESSES):
            counted = {text: self._fitting(text, some) for text in texts}
            most = max(counted.values(), default=0)
            if 2 * most >= len(some):
                best = sorted(f"'{text}'" for text, count in counted.items() if count == most)
                return f"; say how they are called: pattern: {' or pattern: '.join(best[:3])}"
        return "; an option says how they are called: pattern: '{id}_enhanced'"

    def _guessed(self, field: str, some: Sequence[str]) -> list[str]:
        """Patterns made from names of files by replacing the name of one of the first recordings."""
        cut = {own if field == "{id}" else own.rsplit("/", maxsplit=1)[-1] for own in some[:3]}
        found = (name.replace(text, field, 1) for text in sorted(cut) for name in self.files if text in name)
        return sorted(dict.fromkeys(found), key=len)[:TRIED]

    def _fitting(self, text: str, some: Sequence[str]) -> int:
        """The number of recordings with exactly one file by this pattern."""
        try:
            tried = FilesById(self.folder, self.files, Pattern(text))
        except UserError:  # the file's name contains braces
            return 0
        return sum(len(tried.candidates(own)) == 1 for own in some)
