"""Functions shared by datasets of user files: tables, tags, checks of options."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.core import tables
from bench.core.errors import UserError
from bench.core.files import check_file
from bench.core.names import is_label, label
from bench.core.types import Tag

LARGEST_TEXT = 256 * 2**20
"""Maximum size in bytes of a table or list of transcripts."""


def table(path: Path, required: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file (or TSV, by its suffix) with their line numbers; cells are stripped.

    Raises:
        UserError: it is not such a table, or lacks a required column.
    """
    content = tables.parsed(path, text(path), "\t" if path.suffix.lower() == ".tsv" else ",")
    header = _header(path, content.columns, required)
    return [(line, dict(zip(header, map(str.strip, cells), strict=True))) for line, cells in content.rows]


def _header(path: Path, cells: Sequence[str], required: tuple[str, ...]) -> list[str]:
    header = [cell.strip() for cell in cells]
    shown = ", ".join(header)[:200] or "none"
    for column in required:
        if column not in header:
            raise UserError(f"{path}: no column '{column}'; its columns are: {shown}")
    if len(set(header)) != len(header) or "" in header:
        raise UserError(f"{path}: every column needs a name of its own; they are: {shown}")
    return header


def text(path: Path) -> str:
    """The content of a UTF-8 file.

    Raises:
        UserError: it is not a file, not text, or too long.
    """
    check_file(path)
    try:
        if path.stat().st_size > LARGEST_TEXT:
            raise UserError(f"{path}: {path.stat().st_size} bytes are more than a list of recordings can have")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error


def tags(row: Mapping[str, str], where: str) -> dict[str, Tag]:
    """Tags from every cell of ``row``, and from the pairs in its column ``tags``; empty cells are ignored.

    Raises:
        UserError: the column ``tags`` does not contain pairs.
    """
    found = {key: _tag(cell) for key, cell in row.items() if key != "tags" and cell}
    for pair in filter(None, (part.strip() for part in row.get("tags", "").split(";"))):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            raise UserError(f"{where}: tags are written 'snr=5; noise=babble', got '{pair[:80]}'")
        found[key] = _tag(value)
    return found


def _tag(cell: str) -> Tag:
    """A number if the text is a JSON number, else text: "007" and "nan" stay text."""
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return value if type(value) is int or (type(value) is float and math.isfinite(value)) else cell


def checked_name(dataset: str, name: str) -> str:
    """``name`` in Unicode's composed form (NFC), if it is valid for rows and tables.

    Raises:
        UserError: it has other characters.
    """
    name = unicodedata.normalize("NFC", name)
    if not is_label(name):
        near = label(name, dataset)
        raise UserError(f"{dataset}: the name '{name}' may hold letters, digits and _ . + - only, as '{near}' does")
    return name


def name_of(source: Path, default: str) -> str:
    """A valid name made of a folder's or file's own."""
    return label(source.stem if source.is_file() else source.resolve().name, default)


def check_count(dataset: str, option: str, value: object) -> None:
    """Raise ``UserError`` unless ``value`` is None or a whole number above 0."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise UserError(f"{dataset}: {option} must be a whole number above 0, got {value!r}")
