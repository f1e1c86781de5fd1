"""Read, write and resample mono audio. Every failure is one line that names the file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from bench.core.errors import UserError
from bench.core.types import Audio

FORMATS = (".wav", ".flac")
RESAMPLER = "soxr VHQ"


def files(folder: str | Path) -> dict[str, Path]:
    """Every WAV and FLAC file under ``folder`` by its relative name without suffix ("speaker/sentence").

    Hidden files are passed over. Sorted by name.

    Raises:
        UserError: no such folder, or two files that differ in their suffix alone.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.suffix.lower() not in FORMATS or any(part.startswith(".") for part in relative.parts):
            continue
        name = relative.with_suffix("").as_posix()
        if name in found:
            raise UserError(f"{path}: {found[name].name} has the same name; keep one of the two")
        found[name] = path
    return dict(sorted(found.items()))


def read(path: str | Path, *, mixdown: bool = False) -> tuple[Audio, int]:
    """Samples ``[samples]`` in float32 and the rate in Hz of a WAV or FLAC file.

    Args:
        mixdown: average the channels of a multi-channel file instead of refusing it.

    Raises:
        UserError: missing, unreadable, empty, multi-channel (without ``mixdown``) or not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise UserError(f"{path}: not a readable audio file ({error})") from error
    if len(samples) == 0:
        raise UserError(f"{path}: the file holds no samples")
    if samples.shape[1] > 1 and not mixdown:
        raise UserError(f"{path}: {samples.shape[1]} channels; ask for mixdown=true to average them")
    mono = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
    if not np.isfinite(mono).all():
        raise UserError(f"{path}: the samples hold NaN or infinity")
    return np.ascontiguousarray(mono, dtype=np.float32), int(rate)


def write(path: str | Path, samples: Audio, sample_rate: int, subtype: str = "FLOAT") -> None:
    """Write ``samples`` to ``path`` (WAV or FLAC by its suffix): whole or not at all.

    The default keeps float32 exactly, so that stored audio scores as the original did.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(descriptor)
    try:
        soundfile.write(temporary, samples, sample_rate, subtype=subtype)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def resample(samples: Audio, from_rate: int, to_rate: int) -> Audio:
    """``samples`` at ``to_rate`` Hz (soxr, very high quality); the same object where nothing is to do."""
    if from_rate == to_rate:
        return samples
    return np.asarray(soxr.resample(samples, from_rate, to_rate, quality="VHQ"), dtype=np.float32)
