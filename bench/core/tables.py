"""CSV files: written without formula injection and read back unchanged; files from other programs are read as well.

A spreadsheet evaluates a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break as a formula, which
can leak the table (OWASP, "CSV Injection"). Such text is written with a leading apostrophe, which marks text in
spreadsheets, and read without it; text that already has one gets another. Numbers stay numbers.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from bench.core.errors import UserError
from bench.core.files import check_file, replacing

if TYPE_CHECKING:
    import pandas as pd

LONGEST_CELL = 100_000
"""Maximum number of characters in a cell."""

LARGEST = 256 * 2**20
"""Maximum size of a table in bytes."""

DELIMITERS = ",;\t"

_RUNS = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_TRUTH = {"True": True, "False": False}


@dataclass(frozen=True)
class Table:
    """A CSV file as text.

    Attributes:
        rows: line number (the last, for a row over several lines) and cells, one per column; without blank rows.
    """

    path: Path
    columns: Sequence[str]
    rows: Sequence[tuple[int, Sequence[str]]]


def defused(text: str) -> str:
    """``text`` as a cell that a spreadsheet does not evaluate."""
    return f"'{text}" if _RUNS.match(text) else text


def cell(value: Any) -> Any:
    """A value as it is written: text defused."""
    return defused(value) if isinstance(value, str) else value


def plain(cell: str) -> str:
    """The inverse of ``defused``."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell) else cell


def write(frame: pd.DataFrame, path: Path, float_format: str | None = "%.6g") -> Path:
    """Write ``frame`` without its index as UTF-8 CSV to ``path``, atomically; text cells and headings are defused.

    Raises:
        UserError: the file cannot be written.
    """
    numbers = frame.select_dtypes(["number", "bool"])
    columns = {name: column for name, column in frame.items() if name not in numbers}
    texts = {name: {cell for cell in column if isinstance(cell, str)} for name, column in columns.items()}
    safe = frame.copy(deep=False)
    for name in [name for name, cells in texts.items() if any(map(_RUNS.match, cells))]:
        safe[name] = columns[name].map(cell)
    safe = safe.rename(columns=lambda name: defused(str(name)))
    bare = any("\r" in cell for cells in texts.values() for cell in cells)
    quoting: Literal[0, 2] = (
        csv.QUOTE_NONNUMERIC if bare else csv.QUOTE_MINIMAL
    )  # it does not quote a lone carriage return
    with replacing(path) as temporary:
        safe.to_csv(temporary, index=False, float_format=float_format, errors="backslashreplace", quoting=quoting)
    return path


def write_columns(names: Sequence[str], blocks: Iterable[Sequence[Sequence[Any]]], path: Path) -> Path:
    """Write a table that comes in blocks of rows, each a list of ``cell`` for every column; else as ``write``.

    Raises:
        UserError: the file cannot be written.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        writer = csv.writer(_Lines(file), lineterminator="\r\n")  # it quotes what may be in the end of a line
        writer.writerow(map(defused, names))
        for columns in blocks:
            writer.writerows(zip(*columns, strict=True))
    return path


class _Lines:
    """Writes lines that end in a newline alone."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(f"{line[:-2]}\n")


def read(path: Path, columns: Mapping[str, type]) -> pd.DataFrame:
    """Read a table that ``write`` wrote, with exactly these columns.

    Args:
        columns: ``str``, ``float`` (NaN where empty) or ``bool``, by name.

    Raises:
        UserError: it is another table, or a cell has the wrong type; the message names the line.
    """
    import pandas as pd

    table = parsed(path, text(path), ",")
    if tuple(map(plain, table.columns)) != tuple(columns):
        shown = ", ".join(table.columns)[:200]
        raise UserError(f"{path}: other columns than {', '.join(columns)}: {shown}")
    data = {
        name: [_value(path, line, name, plain(cells[place]), kind) for line, cells in table.rows]
        for place, (name, kind) in enumerate(columns.items())
    }
    return pd.DataFrame(data).astype({name: float for name, kind in columns.items() if kind is float})


def parsed(path: Path, content: str, delimiters: str = DELIMITERS) -> Table:
    """Parse a CSV text; the delimiter is that of ``delimiters`` which is most frequent in the first line.

    Raises:
        UserError: a row does not fit the header, or a cell or quote does not end; the message names the line.
    """
    csv.field_size_limit(LONGEST_CELL)
    first, _, rest = content.partition("\n")
    if told := re.fullmatch(r"sep=(.)\r?", first):  # some spreadsheets write this before the header
        content, delimiter = rest, told[1]
    else:
        delimiter = max(delimiters, key=first.count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, Sequence[str]]] = []
    try:
        header = next(reader, [])
        for cells in reader:
            if not any(map(str.strip, cells)):
                continue
            if len(cells) != len(header):
                raise UserError(f"{path}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns")
            rows.append((reader.line_num, cells))
    except csv.Error as error:
        what = str(error)
        if "limit" in what:
            what = f"a cell of more than {LONGEST_CELL} characters; is a closing quote missing?"
        elif "unexpected end" in what:
            what = "the table ends within quotes; is a closing quote missing?"
        raise UserError(f"{path}, line {reader.line_num}: {what}") from error
    return Table(path, header, rows)


def text(path: Path) -> str:
    """The content of a text file: UTF-8, UTF-16 (from some spreadsheets), else Windows-1252.

    Raises:
        UserError: it is not a file, not text, or too long.
    """
    check_file(path)
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise UserError(f"{path}: {size:,} bytes are more than any table of ours has")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    for encoding in _encodings(content):
        try:
            decoded = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(decoded):
            return decoded
    raise UserError(f"{path}: not text, neither UTF-8 nor UTF-16 nor Windows-1252")


def _encodings(content: bytes) -> Sequence[str]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ["utf-16"]
    if b"\0" in content[:2]:
        return ["utf-16-be" if content[:1] == b"\0" else "utf-16-le"]
    return ["utf-8-sig", "cp1252"]


def _value(path: Path, line: int, name: str, cell: str, kind: type) -> Any:
    if kind is str:
        return cell
    try:
        return _TRUTH[cell] if kind is bool else float(cell) if cell else float("nan")
    except (KeyError, ValueError):
        expected = "True or False" if kind is bool else "a number"
        raise UserError(f"{path}, line {line}: {name} is {cell[:60]!r}, not {expected}") from None
