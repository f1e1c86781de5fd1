"""Read, write and resample mono audio. Every failure is one line that names the file."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench.core.errors import UserError
from bench.core.files import check_file
from bench.core.types import Audio

FORMATS = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".mp3", ".ogg", ".oga", ".opus"),
    *(".aif", ".aiff", ".aifc", ".caf", ".au", ".snd", ".sph", ".nist"),
)
"""Suffixes of the files that are read, all by libsndfile."""

RESAMPLER = f"soxr {soxr.__version__}, very high quality"


def extent(path: str | Path) -> tuple[int, int]:
    """Samples per channel and sampling rate in Hz of a recording, from its header.

    Raises:
        UserError: missing or unreadable.
    """
    path = Path(path)
    check_file(path)
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise UserError(f"{path}: not a readable audio file ({error})") from error
    return int(info.frames), int(info.samplerate)


def read(
    path: str | Path, *, mixdown: bool = False, channel: int | None = None, start: int = 0, samples: int = -1
) -> tuple[Audio, int]:
    """Read a recording in one of ``FORMATS``: float32 ``[samples]`` and the sampling rate in Hz.

    Args:
        mixdown: average the channels of a multi-channel file instead of refusing it.
        channel: read only this channel, counted from 0; a file with fewer channels is refused.
        start, samples: read this many samples from ``start``; -1: to the end.

    Raises:
        UserError: the file is missing, unreadable, truncated, empty, multi-channel (without either option), or not
            finite.
    """
    path = Path(path)
    check_file(path)
    try:
        with soundfile.SoundFile(path) as file:
            rate, log = file.samplerate, file.extra_info
            file.seek(start)
            channels = file.read(samples, dtype="float32", always_2d=True)
    except MemoryError as error:
        raise UserError(f"{path}: too long for the memory ({error})") from error
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise UserError(f"{path}: not a readable audio file ({error})") from error
    if missing := _missing_bytes(log):
        raise UserError(f"{path}: the file is cut off, {missing} bytes of samples are missing")
    if len(channels) == 0:
        raise UserError(f"{path}: the file holds no samples")
    count = channels.shape[1]
    if channel is not None:
        if channel >= count:
            raise UserError(f"{path}: no channel {channel}; it has {count}, counted from 0")
        channels = channels[:, channel : channel + 1]
    elif count > 1 and not mixdown:
        raise UserError(f"{path}: {count} channels; channel: 0 takes the first, mixdown: true their average")
    mono = channels.mean(axis=1) if channels.shape[1] > 1 else channels[:, 0]
    if not np.isfinite(mono).all():
        raise UserError(f"{path}: the samples hold NaN or infinity")
    return np.ascontiguousarray(mono, dtype=np.float32), int(rate)


def check_channels(owner: str, mixdown: object, channel: object) -> None:
    """Raise ``UserError`` if these options of ``owner`` are not valid for ``read``."""
    if not isinstance(mixdown, bool):
        raise UserError(f"{owner}: mixdown must be true or false, got {mixdown!r}")
    if channel is not None and (not isinstance(channel, int) or isinstance(channel, bool) or channel < 0):
        raise UserError(f"{owner}: channel must be a whole number from 0, the first, got {channel!r}")
    if mixdown and channel is not None:
        raise UserError(f"{owner}: channel takes one, mixdown averages all; drop one of the two")


def _missing_bytes(log: str) -> int:
    """The number of bytes missing from a truncated WAV file, according to its header; libsndfile only logs it.

    Sizes of 2 GiB and more are ignored: programs that write to a pipe use them as placeholders.
    """
    sizes = re.search(r"^data : (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    declared, held = map(int, sizes.groups()) if sizes else (0, 0)
    return max(0, declared - held) if declared < 0x7FFF0000 else 0


def quantised(samples: Audio, bits: int = 16) -> NDArray[np.int32]:
    """The nearest whole numbers of so many bits, clipped; 1.0 is 2^(bits-1), as where files are read."""
    full = 2 ** (bits - 1)
    return np.asarray(np.clip(np.rint(samples.astype(np.float64) * full), -full, full - 1), dtype=np.int32)


def write(path: str | Path, samples: Audio, sample_rate: int, subtype: str = "FLOAT") -> None:
    """Write ``samples`` to ``path`` (WAV or FLAC by its suffix) atomically.

    The default, for WAV, stores float32 exactly, so that stored audio gets the same scores as the original.
    The same samples give the same bytes.

    Args:
        subtype: FLOAT, or PCM_16 or PCM_24, ``quantised``.

    Raises:
        UserError: the folder or file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")  # a name that ``files.sweep`` recognises
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if subtype == "FLOAT" and path.suffix.lower() == ".wav":
            from scipy.io import wavfile  # a tenth of a second of every process that needs it

            wavfile.write(temporary, sample_rate, np.asarray(samples, dtype=np.float32))  # writes no time stamp
        else:  # libsndfile would round to the nearest in FLAC, and down in WAV; it takes PCM from the top of 32 bits
            bits = int(subtype.removeprefix("PCM_"))
            soundfile.write(temporary, quantised(samples, bits) << (32 - bits), sample_rate, subtype=subtype)
        temporary.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise UserError(f"{path}: cannot be written ({error})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def resample(samples: Audio, from_rate: int, to_rate: int) -> Audio:
    """``samples`` resampled to ``to_rate`` Hz (soxr, very high quality); the same object if the rates are equal."""
    if from_rate == to_rate:
        return samples
    return np.asarray(soxr.resample(samples, from_rate, to_rate, quality="VHQ"), dtype=np.float32)
