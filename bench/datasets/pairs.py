"""Pair noisy and clean files by the names in two folders, or by a manifest."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from bench.core.errors import UserError
from bench.core.folders import Recordings, recordings_in
from bench.core.names import Names, examples
from bench.core.remote import copies, is_url
from bench.core.types import Tag
from bench.datasets.files import tags
from bench.datasets.listings import list_in, rows_of
from bench.datasets.sidefiles import beside, empty_note


@dataclass(frozen=True)
class Entry:
    """The files of one utterance. ``problem``: why they cannot be a pair, found from their names."""

    noisy: Path | None
    clean: Path | None = None
    transcript: str | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Pairs:
    """The entries by their ids, and notes to show before anything is computed."""

    entries: Mapping[str, Entry]
    notes: Collection[str] = ()


def from_folder(folder: Path, noisy: str | None, clean: str | None) -> Pairs:
    """The recordings of ``folder/noisy``, paired with those of ``folder/clean`` by name.

    Args:
        noisy, clean: the sub-folders, if they have other names.

    Raises:
        UserError: no such folder, no recording or no pair in it, or its side files do not fit.
    """
    if not folder.is_dir():
        problem = "not a folder; for a CSV file use 'manifest'" if os.path.lexists(folder) else "no such folder"
        raise UserError(f"{folder}: {problem}")
    listed = None if noisy or clean or (folder / "noisy").is_dir() else list_in(folder)
    if listed is not None:
        return from_manifest(listed)
    entries_here = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    names = Names(entries_here)
    noisy_name, clean_name = noisy or names.find("noisy"), clean or names.find("clean")
    if noisy_name is None:
        raise UserError(f"{folder}: no folder noisy/ in it; set the option 'noisy' if yours has another name")
    noisy_files = recordings_in(folder / noisy_name).required()
    clean_files = None if clean_name is None else recordings_in(folder / clean_name)
    pairs = _pair(noisy_files, clean_files)
    side = beside(folder, pairs)
    entries = {
        name: Entry(pair.noisy, pair.clean, side.transcripts.get(name), side.tags.get(name, {}), pair.problem)
        for name, pair in pairs.items()
    }
    used = {*(name.split("/")[0] for name in (noisy_name, clean_name) if name), *side.files}
    unused = [entry for entry in entries_here if entry not in used]
    notes = [
        *noisy_files.notes(),
        *(clean_files.notes() if clean_files else ()),
        *([f"{folder}: not used: {len(unused)} entries beside the recordings ({examples(unused)})"] if unused else ()),
        *_half_pairs(folder, entries),
        *side.notes,
    ]
    return Pairs(entries, notes)


def _pair(noisy: Recordings, clean: Recordings | None) -> dict[str, Entry]:
    """Every noisy file with the clean one of the same name; case and Unicode form may differ."""
    if clean is None:
        return {name: Entry(path) for name, path in noisy.files.items()}
    names = Names(clean.files)
    partners = {name: names.find(name) for name in noisy.files}
    if not any(partners.values()):
        here, there = next(iter(clean.required().files)), next(iter(noisy.files))
        raise UserError(
            f"{clean.folder}: no file in it has the name of one in {noisy.folder}: '{here}' here, '{there}' there; "
            "a CSV manifest pairs files of any names"
        )
    pairs = {}
    for name, path in noisy.files.items():
        partner = partners[name]
        problem = "" if partner else f"{path}: no clean file of that name in {clean.folder}"
        pairs[name] = Entry(path, clean.files[partner] if partner else None, problem=problem)
    taken = set(partners.values())
    for name, path in clean.files.items():
        if name not in taken:
            pairs[name] = Entry(None, problem=f"{path}: no noisy recording of that name in {noisy.folder}")
    return dict(sorted(pairs.items()))


def _half_pairs(folder: Path, entries: Mapping[str, Entry]) -> list[str]:
    half = [name for name, entry in entries.items() if entry.problem]
    if not half:
        return []
    return [f"{folder}: {len(half)} of {len(entries)} recordings are there on one side only ({examples(half)})"]


def from_manifest(manifest: Path, url: str | None = None) -> Pairs:
    """The recordings that a list names (``bench.datasets.listings``).

    Args:
        url: where the list comes from, if it is a copy: its paths start there. Paths that are URLs are those anywhere.

    Raises:
        UserError: it cannot be read, an id is repeated or invalid, or none of its files exists.
    """
    entries: dict[str, Entry] = {}
    spoken: dict[str, str] = {}
    named: dict[str, tuple[str, str]] = {}
    for where, row in rows_of(manifest):
        name, noisy, clean = (row.pop(key, "") for key in ("id", "noisy", "clean"))
        transcript = row.pop("transcript", None)
        if not name or not noisy:
            raise UserError(f"{where}: 'id' and 'noisy' must not be empty")
        if not _is_relative(name):
            raise UserError(f"{where}: '{name}' cannot be an id; use a relative name such as 'speaker/sentence'")
        if name in entries:
            raise UserError(f"{where}: the id '{name}' is there twice")
        if transcript is not None:
            spoken[name] = transcript
        clean_path = manifest.parent / clean if clean else None
        entries[name] = Entry(manifest.parent / noisy, clean_path, transcript, tags(row, where))
        named[name] = (noisy, clean)
    entries |= _fetched(named, entries, url)
    if not entries:
        raise UserError(f"{manifest}: no recording in it")
    if not any(entry.noisy and entry.noisy.exists() for entry in entries.values()):
        raise UserError(f"{manifest}: none of its noisy files exists; paths start at the manifest's own folder")
    return Pairs(entries, [*_missing(manifest, entries), *empty_note(manifest, spoken)])


def _fetched(named: Mapping[str, tuple[str, str]], entries: Mapping[str, Entry], url: str | None) -> dict[str, Entry]:
    """The entries whose files are at URLs, or beside a list that is, with their copies."""
    places = {name: [_url(file, url) for file in files] for name, files in named.items()}
    wanted = [place for of_entry in places.values() for place in of_entry if place]
    here = dict(zip(wanted, copies(wanted), strict=True))
    found = {}
    for name, (noisy, clean) in places.items():
        if noisy or clean:
            entry = entries[name]
            of_entry = [here.get(place, path) for place, path in ((noisy, entry.noisy), (clean, entry.clean))]
            problem = next((str(one) for one in of_entry if isinstance(one, UserError)), "")
            paths = [one if isinstance(one, Path) else None for one in of_entry]
            found[name] = replace(entry, noisy=paths[0], clean=paths[1], problem=problem)
    return found


def _url(file: str, beside: str | None) -> str:
    """Where a list's file is, if that is a URL, or the list itself is at one; empty otherwise."""
    if not file or is_url(file):
        return file
    if beside is None:
        return ""
    return f"{beside.rpartition('/')[0]}/{quote(file) if beside.startswith('http') else file}"


def _missing(manifest: Path, entries: Mapping[str, Entry]) -> list[str]:
    files = [path for entry in entries.values() for path in (entry.noisy, entry.clean) if path]
    missing = [str(path) for path in files if not path.is_file()]
    if not missing:
        return []
    return [f"{manifest}: {len(missing)} of its {len(files)} files are not there ({examples(missing)})"]


def _is_relative(name: str) -> bool:
    """Whether results can be stored under ``name``: "a/b", but not "/a", "../a", "a//b" or a drive's."""
    path = PurePosixPath(name)
    return str(path) == name and not path.is_absolute() and not {".", ".."} & {*path.parts, name} and "\\" not in name
