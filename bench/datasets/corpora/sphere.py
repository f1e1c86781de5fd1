"""NIST SPHERE files: read by libsndfile, or by sph2pipe where the samples are compressed with shorten (WSJ0's .wv1)."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import check_file
from bench.core.types import Audio

PROGRAM = "sph2pipe"
"""NIST's own program, by the LDC: www.openslr.org/3."""


def is_compressed(path: Path) -> bool:
    """Whether a file is SPHERE with samples that libsndfile cannot read.

    Raises:
        UserError: there is no such file.
    """
    check_file(path)
    with path.open("rb") as file:
        header = file.read(1024)
    coding = re.search(rb"sample_coding -s\d+ (\S+)", header)
    return header.startswith(b"NIST_1A") and coding is not None and b"embedded-" in coding[1]


def read(path: Path, *, mixdown: bool = False, channel: int | None = None) -> tuple[Audio, int]:
    """As ``bench.core.audio.read``, and compressed SPHERE files too.

    Raises:
        UserError: it cannot be read, or is compressed and sph2pipe is not installed.
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
    if not is_compressed(path):
        return audio.extent(path)
    with path.open("rb") as file:
        header = file.read(1024)
    fields = dict(re.findall(rb"(sample_count|sample_rate) -i (\d+)", header))
    if len(fields) != 2:
        raise UserError(f"{path}: its header lacks sample_count or sample_rate; get the original file")
    return int(fields[b"sample_count"]), int(fields[b"sample_rate"])


def _expand(path: Path, plain: Path) -> None:
    program = shutil.which(PROGRAM)
    if program is None:
        raise UserError(
            f"{path}: compressed with shorten, which needs the program {PROGRAM} (www.openslr.org/3): install it, or "
            "convert the corpus to WAV with it, names and folders unchanged"
        )
    done = subprocess.run([program, "-p", "-f", "wav", path, plain], capture_output=True, text=True)
    if done.returncode or not plain.is_file():
        raise UserError(f"{path}: {PROGRAM} cannot read it: {done.stderr.strip()[-200:] or done.returncode}")
