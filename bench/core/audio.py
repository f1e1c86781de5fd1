"""Read, write and resample mono audio. Every failure is one line that names the file."""

from __future__ import annotations

import contextlib
import re
import secrets
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy.io import wavfile

from bench.core.errors import UserError
from bench.core.types import Audio

FORMATS = (".wav", ".flac")
RESAMPLER = f"soxr {soxr.__version__}, very high quality"


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
        if path.suffix.lower() not in FORMATS or path.is_dir() or any(part.startswith(".") for part in relative.parts):
            continue
        name = relative.with_suffix("").as_posix()
        if name in found:
            raise UserError(f"{path}: {found[name].name} has the same name; keep one of the two")
        found[name] = path
    return dict(sorted(found.items()))


def extent(path: str | Path) -> tuple[int, int]:
    """Samples of each channel and the rate in Hz of a WAV or FLAC file, by its header alone.

    Raises:
        UserError: missing or unreadable.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise UserError(f"{path}: not a readable audio file ({error})") from error
    return int(info.frames), int(info.samplerate)


def read(
    path: str | Path, *, mixdown: bool = False, channel: int | None = None, start: int = 0, samples: int = -1
) -> tuple[Audio, int]:
    """Samples ``[samples]`` in float32 and the rate in Hz of a WAV or FLAC file.

    Args:
        mixdown: average the channels of a multi-channel file instead of refusing it.
        channel: take this one, counted from 0, instead.
        start, samples: read so many samples from there; -1: all to the end.

    Raises:
        UserError: missing, unreadable, cut off, empty, multi-channel (without ``mixdown``) or not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with soundfile.SoundFile(path) as file:
            rate, log = file.samplerate, file.extra_info
            file.seek(start)
            channels = file.read(samples, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise UserError(f"{path}: not a readable audio file ({error})") from error
    if missing := _missing_bytes(log):
        raise UserError(f"{path}: the file is cut off, {missing} bytes of samples are missing")
    if len(channels) == 0:
        raise UserError(f"{path}: the file holds no samples")
    if channel is not None:
        channels = channels[:, channel : channel + 1]
    if channels.shape[1] > 1 and not mixdown:
        raise UserError(f"{path}: {channels.shape[1]} channels; ask for mixdown=true to average them")
    mono = channels.mean(axis=1) if channels.shape[1] > 1 else channels[:, 0]
    if not np.isfinite(mono).all():
        raise UserError(f"{path}: the samples hold NaN or infinity")
    return np.ascontiguousarray(mono, dtype=np.float32), int(rate)


def _missing_bytes(log: str) -> int:
    """How much less a WAV file holds than its header says; libsndfile reads on and only logs it.

    Headers of 2 GiB and more are placeholders of programs that wrote to a pipe.
    """
    sizes = re.search(r"^data : (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    declared, held = map(int, sizes.groups()) if sizes else (0, 0)
    return max(0, declared - held) if declared < 0x7FFF0000 else 0


def write(path: str | Path, samples: Audio, sample_rate: int, subtype: str = "FLOAT") -> None:
    """Write ``samples`` to ``path`` (WAV or FLAC by its suffix): whole or not at all.

    The default, for WAV, keeps float32 exactly, so that stored audio scores as the original did.
    The same samples make the same bytes.

    Raises:
        UserError: the folder or file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if subtype == "FLOAT" and path.suffix.lower() == ".wav":
            wavfile.write(temporary, sample_rate, np.asarray(samples, dtype=np.float32))  # no time stamp in it
        else:
            soundfile.write(temporary, samples, sample_rate, subtype=subtype)
        temporary.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise UserError(f"{path}: cannot be written ({error})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def resample(samples: Audio, from_rate: int, to_rate: int) -> Audio:
    """``samples`` at ``to_rate`` Hz (soxr, very high quality); the same object where nothing is to do."""
    if from_rate == to_rate:
        return samples
    return np.asarray(soxr.resample(samples, from_rate, to_rate, quality="VHQ"), dtype=np.float32)
