"""Systems in native libraries, called without the packages around them."""

from __future__ import annotations

import ctypes
import importlib.util
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.core.errors import UserError
from bench.core.types import Audio
from methods.base import Enhanced
from methods.known.base import KnownSystem, blocks, levelled
from methods.known.onnx import multiply_accumulates, parameters

FLOATS = ctypes.POINTER(ctypes.c_float)
STATE = ctypes.c_void_p
FULL_SCALE = 32768


class DeepFilterNet3(KnownSystem):
    """DeepFilterNet3 (Schröter et al., Interspeech 2023), 48 kHz, by its library, without limit of attenuation.

    It takes speech below about -44 dBFS for silence, so a recording is brought to -26 dBFS, and its speech back.

    Args:
        fill_band: the level in dBFS of white noise above 8 kHz, or None. Recordings at 16 kHz leave that band empty,
            which the network was not trained on: with -40 its PESQ on VoiceBank/DEMAND at 16 kHz rises by 0.3. The
            noise is the same for every recording, and leaves with the resampling. This is not the authors', and for
            recordings at 48 kHz it must be None.
    """

    weights = "dfn3"
    sample_rate = 48000
    delay = 1440
    block = 480
    latency = delay + block
    LEVEL = -26.0
    NO_LIMIT = 100.0
    """Of the attenuation, in dB."""

    def __init__(self, fill_band: float | None = None) -> None:
        super().__init__()
        self.fill_band = fill_band
        self._model = self.files["DeepFilterNet3_onnx.tar.gz"]
        self._library = _load(self.files["libdeepfilter.so"])
        self._library.df_create.restype = STATE
        self._library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
        self._library.df_process_frame.restype = ctypes.c_float
        self._library.df_process_frame.argtypes = [STATE, FLOATS, FLOATS]
        self._library.df_free.argtypes = [STATE]

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        if not noisy.any():
            return Enhanced(noisy.copy(), nfe=0)
        loud, gain = levelled(noisy, self.LEVEL)
        if self.fill_band is not None:
            loud = loud + _high_noise(noisy.size, self.sample_rate, self.fill_band)
        given = blocks(loud, self.block, self.delay)
        made = np.zeros_like(given)
        with self._state() as state:
            nfe = _streamed(given, made, lambda block, out: self._library.df_process_frame(state, block, out))
        return Enhanced(made.reshape(-1)[self.delay : self.delay + noisy.size] / np.float32(gain), nfe=nfe)

    def provenance(self) -> dict[str, Any]:
        return super().provenance() | {"fill_band": self.fill_band, "level_dbfs": self.LEVEL}

    @cached_property
    def counted(self) -> dict[str, float]:
        """Of the three networks in its model file, where all of them run: the library leaves out those that the local
        SNR of a frame makes needless.
        """
        with tempfile.TemporaryDirectory() as folder, tarfile.open(self._model) as archive:
            networks = [member for member in archive if member.name.endswith(".onnx")]
            paths = [Path(folder) / Path(member.name).name for member in networks]
            for member, path in zip(networks, paths, strict=True):
                content = archive.extractfile(member)
                assert content is not None
                path.write_bytes(content.read())
            macs = self.per_second * sum(multiply_accumulates(path, frames=8) for path in paths)
            return {"parameters": float(sum(map(parameters, paths))), "macs_per_second": macs}

    @contextmanager
    def _state(self) -> Iterator[int]:
        state = self._library.df_create(str(self._model).encode(), self.NO_LIMIT, None)
        try:
            yield state
        finally:
            self._library.df_free(state)


class RNNoise(KnownSystem):
    """RNNoise 0.2 (Valin, MMSP 2018) with its large model, 48 kHz. Its high-pass turns phases, which costs SI-SDR."""

    weights = "rnnoise"
    sample_rate = 48000
    delay = 960
    block = 480
    latency = delay + block

    def __init__(self) -> None:
        super().__init__()
        self._library = _load(self.files["librnnoise.so"])
        self._library.rnnoise_create.restype = STATE
        self._library.rnnoise_create.argtypes = [ctypes.c_void_p]
        self._library.rnnoise_process_frame.restype = ctypes.c_float
        self._library.rnnoise_process_frame.argtypes = [STATE, FLOATS, FLOATS]
        self._library.rnnoise_destroy.argtypes = [STATE]

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        given = blocks(noisy * np.float32(FULL_SCALE), self.block, self.delay)
        made = np.zeros_like(given)
        state = self._library.rnnoise_create(None)
        try:
            nfe = _streamed(given, made, lambda block, out: self._library.rnnoise_process_frame(state, out, block))
        finally:
            self._library.rnnoise_destroy(state)
        return Enhanced(made.reshape(-1)[self.delay : self.delay + noisy.size] / np.float32(FULL_SCALE), nfe=nfe)

    @cached_property
    def counted(self) -> dict[str, float]:
        """Of the layers in its library, whose weights are each used once in a frame; blocks of zeros are not there."""
        layers = _layers(self._library)
        weights = {name: elements for name, elements in layers.items() if "_weights_" in name}
        biases = {name: elements for name, elements in layers.items() if name.endswith("_bias")}
        if not weights:
            return {}
        used = float(sum(weights.values()))
        return {"parameters": used + sum(biases.values()), "macs_per_second": self.per_second * used}


class _Array(ctypes.Structure):
    """``WeightArray`` of RNNoise's ``nnet.h``: an array of a layer by name; the one without a name ends a list."""

    _fields_ = (("name", ctypes.c_char_p), ("type", ctypes.c_int), ("size", ctypes.c_int), ("data", ctypes.c_void_p))


def _layers(library: ctypes.CDLL) -> dict[str, int]:
    """The arrays of RNNoise's built-in model, with their numbers of elements; empty for a library without it.

    Weights that are there as 8-bit integers and as the floats that these were made of are the same weights.
    """
    try:
        first = ctypes.c_char.in_dll(library, "rnnoise_arrays")
    except ValueError:
        return {}
    arrays = ctypes.cast(ctypes.addressof(first), ctypes.POINTER(_Array))
    found: dict[str, int] = {}
    for array in takewhile(lambda array: array.name, (arrays[index] for index in count())):
        name = array.name.decode()
        found[name] = array.size if name.endswith("_int8") else array.size // 4
    twice = [name for name in found if name.replace("_float", "_int8") in found and name.endswith("_float")]
    return {name: size for name, size in found.items() if name not in twice and not name.endswith("_idx")}


class WebRTCNoiseSuppression(KnownSystem):
    """WebRTC's noise suppressor, 16 kHz. Its high-pass turns phases, so that SI-SDR means nothing for it.

    Args:
        level: how much it suppresses, 1 to 4.
    """

    weights = "webrtc_ns"
    sample_rate = 16000
    delay = 96
    block = 160
    latency = delay + block
    paradigm = "classical"

    def __init__(self, level: int = 4) -> None:
        if level not in (1, 2, 3, 4):
            raise UserError(f"webrtc_ns: level must be 1, 2, 3 or 4, got {level}")
        super().__init__()
        self.level = level
        self._module = _extension("webrtc_noise_gain_cpp", self.files["webrtc_noise_gain_cpp.abi3.so"])

    def enhance_one(
        self, noisy: Audio, sample_rate: int, steps: int | None, generator: torch.Generator, utterance_id: str | None
    ) -> Enhanced:
        loud = np.clip(np.round(noisy * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.float32)
        processor = self._module.AudioProcessor(0, self.level)  # automatic gain: none
        given = blocks(loud, self.block, self.delay).astype(np.int16)
        made = b"".join(processor.Process10ms(block.tobytes()).audio for block in given)
        enhanced = np.frombuffer(made, np.int16)[self.delay : self.delay + noisy.size]
        return Enhanced(enhanced.astype(np.float32) / np.float32(FULL_SCALE), nfe=0)

    def provenance(self) -> dict[str, Any]:
        return super().provenance() | {"level": self.level}


def _streamed(given: Audio, made: Audio, process: Callable[[Any, Any], Any]) -> int:
    """Give every block ``[blocks, size]`` to ``process``, which fills the one in ``made``; passes over all of them."""
    calls = 0
    for block, out in zip(given, made, strict=True):
        process(block.ctypes.data_as(FLOATS), out.ctypes.data_as(FLOATS))
        calls += 1
    return calls // len(given)


def _load(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be loaded on this machine ({error})") from None


def _extension(name: str, path: Path) -> Any:
    """The extension module in a file, without the package around it."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError as error:
        raise UserError(f"{path}: cannot be loaded on this machine ({error})") from None
    return module


def _high_noise(length: int, sample_rate: int, dbfs: float) -> Audio:
    """White noise without what is below 8 kHz; of ``dbfs`` before that was taken out."""
    from scipy.signal import butter, sosfilt

    noise = np.random.default_rng(0).normal(0, 10 ** (dbfs / 20), length)
    high = sosfilt(butter(10, 8500, "highpass", fs=sample_rate, output="sos"), noise)
    return np.asarray(high, dtype=np.float32)
