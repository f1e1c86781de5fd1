"""NIST SPHERE files: read by libsndfile; or, where the samples are compressed with shorten (WSJ0's .wv1), by FFmpeg's
libraries in the package ``av``, or by the program sph2pipe.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import check_file
from bench.core.types import Audio

PROGRAM = "sph2pipe"
"""NIST's own program, by the LDC: www.openslr.org/3."""

FULL_SCALE = 2**15


def is_compressed(path: Path) -> bool:
    """Whether a file is SPHERE with samples that libsndfile cannot read.

    Raises:
        UserError: there is no such file.
    """
    check_file(path)
    header = _header(path)
    coding = re.search(rb"sample_coding -s\d+ (\S+)", header)
    return header.startswith(b"NIST_1A") and coding is not None and b"embedded-" in coding[1]


def read(path: Path, *, mixdown: bool = False, channel: int | None = None) -> tuple[Audio, int]:
    """As ``bench.core.audio.read``, and compressed SPHERE files too.

    Raises:
        UserError: it cannot be read; or is compressed, and neither ``av`` nor sph2pipe is installed.
    """
    if not is_compressed(path):
        return audio.read(path, mixdown=mixdown, channel=channel)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.wav"
        _expand(path, plain)
        return audio.read(plain, mixdown=mixdown, channel=channel)


def extent(path: Path) -> tuple[int, int]:
    """Samples and rate in Hz, from the header.

    Raises:
        UserError: it cannot be read.
    """
    return _extent(path) if is_compressed(path) else audio.extent(path)


def _extent(path: Path) -> tuple[int, int]:
    fields = dict(re.findall(rb"(sample_count|sample_rate) -i (\d+)", _header(path)))
    if len(fields) != 2:
        raise UserError(f"{path}: its header lacks sample_count or sample_rate; get the original file")
    return int(fields[b"sample_count"]), int(fields[b"sample_rate"])


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1024)


def _expand(path: Path, plain: Path) -> None:
    """Write what a compressed file holds as WAV."""
    if shutil.which(PROGRAM):
        done = subprocess.run([PROGRAM, "-p", "-f", "wav", path, plain], capture_output=True, text=True)
        if done.returncode or not plain.is_file():
            raise UserError(f"{path}: {PROGRAM} cannot read it: {done.stderr.strip()[-200:] or done.returncode}")
        return
    samples, rate = _decoded(path)
    expected, _ = _extent(path)
    if len(samples) != expected:
        raise UserError(f"{path}: cut off: {len(samples)} of {expected} samples; copy it again")
    audio.write(plain, samples.astype(np.float32) / np.float32(FULL_SCALE), rate)


def _decoded(path: Path) -> tuple[NDArray[np.int16], int]:
    """Samples ``[samples, channels]`` and rate in Hz, by FFmpeg's libraries."""
    try:
        import av
    except ImportError as error:
        raise UserError(
            f"{path}: compressed with shorten: pip install 'sebench[sphere]', or install {PROGRAM} (www.openslr.org/3)"
        ) from error
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            blocks = [frame.to_ndarray() for frame in container.decode(stream)]
            planar, channels, rate = stream.format.is_planar, stream.layout.nb_channels, int(stream.rate)
    except (av.FFmpegError, IndexError, ValueError) as error:
        what = "" if b"pcm,embedded-shorten" in _header(path) else f" (its coding needs {PROGRAM}, www.openslr.org/3)"
        raise UserError(f"{path}: FFmpeg cannot read it: {error}{what}") from error
    if not blocks or blocks[0].dtype != np.int16:
        raise UserError(f"{path}: FFmpeg finds no 16-bit samples in it; install {PROGRAM} (www.openslr.org/3)")
    samples = np.concatenate(blocks, axis=1).astype(np.int16, copy=False)
    return (samples.T if planar else samples.reshape(-1, channels)), rate
