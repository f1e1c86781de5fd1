"""Training recordings in little space, to take to a machine that is lent for minutes.

::

    python -m bench.datasets.recipes.pack FOLDER --speech DIR --noise DIR [--kbps 24] [--cache CACHE]
    python -m bench.datasets.recipes.pack FOLDER --unpack CACHE

Recordings become Opus (RFC 6716) at 16 kHz under the same names, so that the split into training and validation stays
as it was; generated pools of the cache become one Opus file each, responses of rooms float16. ``docs/training.md`` says
what that costs. ``files.csv`` keeps the licences.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd
import soundfile

from bench.core import audio
from bench.core.errors import UserError
from bench.core.folders import recordings_in
from bench.core.tables import write
from bench.core.types import Audio
from bench.datasets.files import table
from bench.datasets.recipes.pools import SAMPLE_RATE
from bench.datasets.synthesis import pool

KBPS = 24
"""Default bit rate a channel, kbit/s. Wideband speech is transparent to most metrics from here on."""

_KBPS_RANGE = (6, 256)  # libopus, one channel; libsndfile maps its compression level 1 to 0 to it linearly
_POOLS = ("speech-*-kokoro-*", "rooms-*")


def pack(out: Path, folders: dict[str, Sequence[Path]], kbps: int = KBPS, cache: Path | None = None) -> None:
    """Copies in Opus of all recordings of ``folders`` (kind to folders), and the pools of ``cache``, into ``out``.

    What is in ``out`` already is kept, so that an interrupted call continues.

    Raises:
        UserError: a folder is missing or holds no audio, two recordings have one name, or ``out`` cannot be written.
    """
    licences: list[dict[str, str]] = []
    for kind, roots in folders.items():
        taken: dict[Path, Path] = {}
        for root in roots:
            for path in recordings_in(root).required().files.values():
                name = Path(kind) / path.relative_to(root).with_suffix(".opus")
                if name in taken:
                    raise UserError(f"{path}: packed under the same name as {taken[name]}; rename one of them")
                taken[name] = path
                _pack_recording(path, out / name, kbps)
            licences += _licences(root, kind)
    if licences:
        write(pd.DataFrame(licences).fillna(""), out / "files.csv")
    for folder in _pools(cache) if cache else ():
        _pack_pool(folder, out / "cache" / folder.name, kbps)


def unpack(out: Path, cache: Path) -> None:
    """The packed pools of ``out`` as pools in ``cache``; those it has are kept. Recordings are read as they are."""
    for folder in sorted((out / "cache").glob("*")):
        about = pool.Pool(folder).about | {"packed": "Opus" if (folder / "samples.opus").is_file() else "float16"}
        pool.build(cache / folder.name, _unpacked(folder), about)


def _pools(cache: Path) -> list[Path]:
    return sorted(folder for pattern in _POOLS for folder in cache.glob(pattern))


def _pack_recording(path: Path, target: Path, kbps: int) -> None:
    if not target.is_file():
        samples, rate = audio.read(path, mixdown=True)
        _write_opus(target, audio.resample(samples, rate, SAMPLE_RATE), kbps)


def _pack_pool(folder: Path, target: Path, kbps: int) -> None:
    """Speech as one Opus file, responses, which a codec for speech would change, as float16."""
    if (target / "starts.npy").is_file():
        return
    signals = pool.Pool(folder)
    target.mkdir(parents=True, exist_ok=True)
    samples = np.concatenate(signals[:])
    if folder.name.startswith("rooms"):
        np.savez_compressed(target / "samples.npz", samples=samples.astype(np.float16))
    else:
        _write_opus(target / "samples.opus", samples, kbps)
    for name in ("about.json", "starts.npy"):  # the last one says that the pool is whole
        shutil.copyfile(folder / name, target / name)


def _unpacked(folder: Path) -> Iterator[Audio]:
    if (folder / "samples.opus").is_file():
        samples, _ = audio.read(folder / "samples.opus")
    else:
        samples = np.load(folder / "samples.npz")["samples"].astype(np.float32)
    starts = np.load(folder / "starts.npy")
    yield from np.split(samples, starts[1:-1])


def _write_opus(target: Path, samples: Audio, kbps: int) -> None:
    """One Opus file, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{os.getpid()}.{target.name}")
    low, high = _KBPS_RANGE
    level = 1 - (kbps - low) / (high - low)
    try:
        soundfile.write(temporary, np.clip(samples, -1, 1), SAMPLE_RATE, "OPUS", format="OGG", compression_level=level)
        temporary.replace(target)
    except (OSError, soundfile.LibsndfileError) as error:
        raise UserError(f"{target}: cannot be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def _licences(root: Path, kind: str) -> list[dict[str, str]]:
    """The rows of the folder's, or its parent's, ``files.csv``, with the packed files' names."""
    for folder, below in ((root, Path()), (root.parent, Path(root.name))):
        if (folder / "files.csv").is_file():
            rows = [row for _, row in table(folder / "files.csv", ("path",))]
            inside = [row for row in rows if Path(row["path"]).is_relative_to(below)]
            packed = [(Path(kind) / Path(row["path"]).relative_to(below)).with_suffix(".opus") for row in inside]
            return [row | {"path": path.as_posix()} for row, path in zip(inside, packed, strict=True)]
    return []


_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(context_settings={"show_default": True})
@click.argument("folder", type=_FOLDER)
@click.option("--speech", type=_FOLDER, multiple=True, help="Folders of clean speech.")
@click.option("--noise", type=_FOLDER, multiple=True, help="Folders of noise.")
@click.option("--kbps", type=click.IntRange(*_KBPS_RANGE), default=KBPS, help="Bit rate of Opus.")
@click.option("--cache", type=_FOLDER, help="A cache whose generated natural speech and rooms are packed too.")
@click.option("--unpack", "into", type=_FOLDER, help="Unpack FOLDER's pools into this cache instead.")
def main(
    folder: Path, speech: tuple[Path, ...], noise: tuple[Path, ...], kbps: int, cache: Path | None, into: Path | None
) -> None:
    """Pack training recordings into FOLDER, or unpack its pools."""
    if into:
        unpack(folder, into)
    else:
        pack(folder, {kind: roots for kind, roots in (("speech", speech), ("noise", noise)) if roots}, kbps, cache)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from None
