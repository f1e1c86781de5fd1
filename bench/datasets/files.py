"""What the datasets over a user's own files share: tables, transcripts, digests, names."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

from bench.core.errors import UserError

TRANSCRIPTS = ("transcripts.csv", "transcripts.txt")


def transcripts_in(folder: Path) -> dict[str, str]:
    """The transcripts beside the recordings; none is fine, two files are ambiguous."""
    found = [folder / name for name in TRANSCRIPTS if (folder / name).is_file()]
    if not found:
        return {}
    if len(found) > 1:
        raise UserError(f"{found[1]}: {found[0].name} is there too; keep one of the two")
    if found[0].suffix == ".csv":
        return {row["id"]: row["transcript"] for _, row in table(found[0], ("id", "transcript")) if row["transcript"]}
    lines = (line.split(maxsplit=1) for line in text(found[0]).splitlines())
    return {parts[0]: parts[1].strip() for parts in lines if len(parts) == 2}


def table(path: Path, required: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with their line numbers; cells are stripped."""
    reader = csv.reader(text(path).splitlines(keepends=True))
    header = [cell.strip() for cell in next(reader, [])]
    for column in required:
        if column not in header:
            raise UserError(f"{path}: no column '{column}'; its columns are: {', '.join(header) or 'none'}")
    if len(set(header)) != len(header) or "" in header:
        raise UserError(f"{path}: every column needs a name of its own; they are: {', '.join(header)}")
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise UserError(f"{path}, line {reader.line_num}: {len(cells)} cells under {len(header)} columns")
        rows.append((reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    return rows


def text(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error


def digest(path: Path | None) -> str | None:
    """SHA-256 of a file's bytes; None where there is none that can be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else None
    except OSError:
        return None


def checked_name(dataset: str, name: str) -> str:
    """``name``, fit for rows and tables.

    Raises:
        UserError: it holds other characters than those.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise UserError(f"{dataset}: the name '{name}' may hold letters, digits, '_', '-' and '.' only")
    return name
