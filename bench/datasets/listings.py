"""Lists of recordings as other tools write them, as rows of a manifest: id, noisy, clean, transcript, tags.

FILE.csv, FILE.tsv        a manifest of ours
FILE.jsonl                a JSON object a line, as NeMo's and SpeechBrain's manifests
FILE.scp                  Kaldi's and ESPnet's wav.scp; clean.scp or spk1.scp, text and utt2spk beside it are read
FOLDER with metadata.csv or metadata.jsonl     an audio folder of Hugging Face ``datasets``
FOLDER with wav.scp       Kaldi's data folder
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from bench.core.errors import UserError
from bench.core.names import folded
from bench.datasets.files import table, text

Row = dict[str, str]
Rows = Iterator[tuple[str, Row]]
"""Where a row stands, for messages, and its cells by column."""

ALIASES: Mapping[str, Sequence[str]] = {
    "id": ("id", "utt_id", "uttid", "key", "utt"),
    "noisy": ("noisy", "noisy_filepath", "noisy_path", "noisy_wav", "audio_filepath", "wav"),
    "clean": ("clean", "clean_filepath", "clean_path", "clean_wav", "target_filepath"),
    "transcript": ("transcript", "text", "transcription", "normalized_text"),
}
"""Names of columns that other tools use, the first found counts."""

CLEAN = ("clean.scp", "spk1.scp")
METADATA = ("metadata.csv", "metadata.jsonl")


def rows_of(path: Path) -> Rows:
    """The rows of a list, by its suffix.

    Raises:
        UserError: it is no such list; a line cannot be read, or is a command.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: a list of recordings is one of {', '.join(READERS)}")
    return reader(path)


def list_in(folder: Path) -> Path | None:
    """The list that lies in a folder of recordings, if it is laid out as other tools do."""
    names = {folded(entry.name): entry for entry in folder.iterdir() if entry.is_file()}
    return next((names[name] for name in (*METADATA, "wav.scp") if name in names), None)


def _tables(path: Path) -> Rows:
    if folded(path.name) in METADATA:
        yield from _audio_folder(path, ((f"{path}, line {line}", row) for line, row in table(path, ("file_name",))))
        return
    for line, row in table(path, ("id", "noisy")):
        yield f"{path}, line {line}", row


def _json_lines(path: Path) -> Rows:
    rows = _objects(path)
    if folded(path.name) in METADATA:
        yield from _audio_folder(path, rows)
        return
    for where, row in rows:
        found = _renamed(row)
        if "noisy" not in found:
            raise UserError(f"{where}: no key 'noisy' or '{ALIASES['noisy'][1]}'; there are: {', '.join(row)}")
        found.setdefault("id", str(PurePosixPath(found["noisy"]).with_suffix("")).lstrip("/"))
        yield where, found


def _objects(path: Path) -> Rows:
    for number, line in enumerate(text(path).split("\n"), start=1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: not JSON ({error})") from error
        if not isinstance(found, dict):
            raise UserError(f"{where}: not a JSON object, {{...}}")
        yield where, {key: _cell(value) for key, value in found.items() if isinstance(value, (str, int, float))}


def _cell(value: str | float | int) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _audio_folder(path: Path, rows: Rows) -> Rows:
    """Rows of Hugging Face's metadata: ``file_name`` is the noisy recording, ``clean_file_name`` the clean one."""
    for where, row in rows:
        found = {key.removesuffix("_file_name") if key != "file_name" else "noisy": cell for key, cell in row.items()}
        if not found.get("noisy"):
            raise UserError(f"{where}: no 'file_name'")
        found = _renamed(found)
        yield where, {"id": str(PurePosixPath(found["noisy"]).with_suffix("")), **found}


def _renamed(row: Row) -> Row:
    """``row`` with the column names of manifests."""
    found, left = {}, dict(row)
    for name, others in ALIASES.items():
        used = next((other for other in others if left.get(other)), None)
        if used is not None:
            found[name] = left.pop(used)
    return {**found, **left}


def _kaldi(path: Path) -> Rows:
    folder = path.parent
    if (folder / "segments").is_file():
        raise UserError(f"{folder / 'segments'}: not read; extract-segments makes files of them")
    clean = next((_lines(folder / name) for name in CLEAN if (folder / name).is_file() and name != path.name), {})
    others = {column: folder / name for column, name in (("transcript", "text"), ("speaker", "utt2spk"))}
    columns = {column: _lines(file) for column, file in others.items() if file.is_file()}
    noisy = _lines(path)
    for name, (where, file) in noisy.items():
        row = {"id": name, "noisy": _file(where, file)}
        if name in clean:
            row["clean"] = _file(*clean[name])
        yield where, row | {column: found[name][1] for column, found in columns.items() if name in found}


def _lines(path: Path) -> dict[str, tuple[str, str]]:
    """Of each utterance, where it stands and what follows its id."""
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(text(path).split("\n"), start=1):
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            if name in found:
                raise UserError(f"{path}, line {number}: the id '{name}' is there twice")
            found[name] = f"{path}, line {number}", rest.strip()
    return found


def _file(where: str, file: str) -> str:
    if file.endswith("|") or file.startswith("|"):
        raise UserError(
            f"{where}: '{file[:60]}' is a command, and none in a list is run, which may come from anybody; "
            "write its output to files, and list these"
        )
    _, colon, offset = file.rpartition(":")
    if colon and offset.isdigit():
        raise UserError(f"{where}: '{file[:60]}' is a place in a Kaldi archive, not read; list WAV or FLAC files")
    if not file:
        raise UserError(f"{where}: no file behind the id")
    return file


READERS: dict[str, Callable[[Path], Rows]] = {
    ".csv": _tables,
    ".tsv": _tables,
    ".jsonl": _json_lines,
    ".scp": _kaldi,
}
