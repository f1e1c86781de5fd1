"""Measured room responses (WAV, FLAC, SOFA, MATLAB 7.3), and the corpora of EARS-Reverb."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import check_file
from bench.core.seeds import stable_seed
from bench.core.types import Audio
from bench.datasets.corpora.raw import RawFile
from bench.datasets.recipes.mix import Source

CORPORA: Mapping[str, tuple[str, str]] = {
    "ACE-Challenge": ("**/*RIR.wav", "test"),
    "AIR": ("AIR_1_4/AIR_wav_files/*.wav", "valid"),
    "ARNI": ("**/*.wav", "train"),
    "BRUDEX": ("rir/**/*.mat", "train"),
    "dEchorate": ("sofa/**/*.sofa", "train"),
    "DetmoldSRIR": ("SetA_SingleSources/Data/**/*.wav", "train"),
    "Palimpsest": ("**/*.wav", "train"),
}
"""Where ears_benchmark's download script puts each corpus, and the split that version 2 gives it."""

DAMAGED = "IR_numClosed_28_numComb_2743_mic_4_sweep_5.wav"
"""A file of ARNI that ears_benchmark leaves out as corrupted."""


def of_ears(folder: Path, by_split: bool, arni: int, seed: int) -> tuple[dict[str, list[Source]], list[str]]:
    """The responses of EARS-Reverb's corpora by split, and the corpora that are missing.

    Args:
        by_split: as version 2: a corpus is in one split alone; else every split has all.
        arni: how many of ARNI's 132,037 responses are drawn.
    """
    found: dict[str, list[Source]] = {"train": [], "valid": [], "test": []}
    missing = []
    for corpus, (pattern, own) in CORPORA.items():
        paths = [path for path in sorted((folder / corpus).glob(pattern)) if path.name != DAMAGED]
        if not paths:
            missing.append(corpus)
        if corpus == "ARNI" and len(paths) > arni:
            drawn = np.random.default_rng(stable_seed("ARNI", seed)).choice(len(paths), arni, replace=False)
            paths = [paths[place] for place in sorted(drawn)]
        sources = [Source(path.relative_to(folder).as_posix(), RawFile(path), {"corpus": corpus}) for path in paths]
        for split in (own,) if by_split else found:
            found[split] += sources
    return found, missing


def channels(path: Path) -> int:
    """How many responses a file holds.

    Raises:
        UserError: it cannot be read.
    """
    if path.suffix.lower() not in (".sofa", ".mat"):
        check_file(path)
        try:
            return int(soundfile.info(path).channels)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise UserError(f"{path}: not a readable audio file ({error})") from error
    with _opened(path) as (responses, _):
        return len(responses)


def read(path: Path, channel: int = 0) -> tuple[Audio, int]:
    """One response, float32 ``[samples]``, and its rate in Hz.

    Raises:
        UserError: it cannot be read, or is no response.
    """
    if path.suffix.lower() not in (".sofa", ".mat"):
        return audio.read(path, channel=channel)
    with _opened(path) as (responses, rate):
        samples = np.asarray(responses[channel], dtype=np.float32)
    if samples.ndim != 1 or not np.isfinite(samples).all() or not samples.any():
        raise UserError(f"{path}: channel {channel} is no response: it is silent, or not finite")
    return samples, rate


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Sequence[Any], int]]:
    """The responses ``[channels][samples]`` of the first measurement, and the rate: SOFA and MATLAB 7.3 are HDF5."""
    check_file(path)
    try:
        import h5py
    except ImportError as error:
        raise UserError(f"{path}: needs the extra 'responses': pip install 'sebench[responses]'") from error
    try:
        with h5py.File(path, "r") as file:
            if path.suffix.lower() == ".sofa":
                yield file["Data.IR"][0], round(float(np.ravel(file["Data.SamplingRate"])[0]))
            else:  # MATLAB's columns are rows here
                yield file["data"][()], round(float(np.ravel(file["fs"])[0]))
    except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
        raise UserError(f"{path}: no room response that can be read ({error}); get the file again") from error
