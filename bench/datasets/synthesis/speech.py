"""Speech from text with eSpeak NG, the formant synthesiser that ``espeakng-loader`` carries.

eSpeak keeps its voice, its noise generator and the phase of its oscillators in global variables, and
no call resets the last: the same sentence comes out different the second time. Every call here
therefore loads the library afresh (about 6 ms), so that what comes out depends on the arguments alone.
"""

from __future__ import annotations

import _ctypes
import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.audio import resample
from bench.core.errors import UserError
from bench.core.types import Audio

SAMPLE_RATE = 16000
LEVEL = -26.0
"""Level of the active speech in dB re full scale, the customary one of ITU-T P.56 test material."""

_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: call back from within espeak_Synth, play nothing
_NO_EXIT = 0x8000  # initialise: return an error instead of ending the process
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_LOCK = threading.Lock()


def synthesise(
    text: str, voice: str, *, words_per_minute: int = 165, pitch: int = 50, pitch_range: int = 50, seed: int = 1
) -> Audio:
    """``text`` spoken by ``voice``: float32 ``[samples]`` at 16 kHz, trimmed, active level -26 dBFS.

    Args:
        voice: language and variant as eSpeak names them, e.g. ``"en-us+f3"``.
        words_per_minute: 80 to 450.
        pitch: 0 to 99; 50 is the voice's own.
        pitch_range: 0 (monotone) to 99; 50 is the voice's own.
        seed: of the noise in its fricatives and breath.

    Raises:
        UserError: the extra ``synthesis`` is not installed, or the voice does not exist.
    """
    chunks: list[np.ndarray[Any, np.dtype[np.int16]]] = []

    def collect(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = _CALLBACK(collect)  # must outlive espeak_Synth
    with _espeak() as (library, rate):
        if library.espeak_SetVoiceByName(voice.encode()) != 0 or not _variant_exists(voice):
            raise UserError(f"eSpeak NG has no voice '{voice}'")
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        library.espeak_SetSynthCallback(callback)
        data = text.encode() + b"\0"
        library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 0, 0, _UTF8, None, None)
        library.espeak_Synchronize()
    spoken = np.concatenate([*chunks, np.zeros(0, np.int16)]).astype(np.float32) / 32768
    if not spoken.any():
        raise UserError(f"eSpeak NG has nothing to say for {text!r}")
    return at_level(trim(resample(spoken, rate, SAMPLE_RATE)))


def version() -> str:
    """eSpeak NG's version, e.g. ``"1.52.0"``: another version speaks differently."""
    with _espeak() as (library, _):
        text: bytes = library.espeak_Info(None)
        return text.decode().split()[0]


@contextmanager
def _espeak() -> Iterator[tuple[Any, int]]:
    """A freshly loaded library and its sample rate in Hz; one at a time in a process."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise UserError("synthetic speech needs the extra 'synthesis': pip install 'sebench[synthesis]'") from error
    data = str(espeakng_loader.get_data_path())
    with _LOCK:
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        library.espeak_Info.restype = ctypes.c_char_p
        library.espeak_SetSynthCallback.argtypes = [_CALLBACK]
        try:
            rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _NO_EXIT)
            if rate <= 0:
                raise UserError(f"eSpeak NG could not read its data in {data}")
            yield library, int(rate)
            library.espeak_Terminate()
        finally:
            unload = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary  # type: ignore[attr-defined]
            unload(library._handle)


def _variant_exists(voice: str) -> bool:
    """eSpeak falls back silently to the plain voice where the variant after ``+`` is unknown."""
    import espeakng_loader

    _, _, variant = voice.partition("+")
    return not variant or (Path(espeakng_loader.get_data_path()) / "voices" / "!v" / variant).is_file()


def trim(speech: Audio, floor: float = -50.0, margin: float = 0.05) -> Audio:
    """Cut what lies more than ``margin`` seconds outside the speech, at ``floor`` dB below its peak."""
    loud = np.flatnonzero(np.abs(speech) > 10 ** (floor / 20) * np.abs(speech).max())
    keep = round(margin * SAMPLE_RATE)
    return speech[max(0, loud[0] - keep) : loud[-1] + keep + 1]


def at_level(speech: Audio) -> Audio:
    """``speech`` scaled so that its active frames have the mean power ``LEVEL``."""
    frames = speech[: speech.size // 320 * 320].astype(np.float64).reshape(-1, 320)  # 20 ms
    powers = np.mean(frames**2, axis=1)
    active = powers[powers > powers.max() * 1e-3]
    return np.asarray(speech * (10 ** (LEVEL / 20) / np.sqrt(active.mean())), dtype=np.float32)
