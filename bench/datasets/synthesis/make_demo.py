"""Make the demo benchmark: ``python -m bench.datasets.synthesis.make_demo FOLDER``.

Thirty-two recordings of six voices that no network was trained on: 24 with noise (six kinds, five
SNRs) and 8 in rooms. Every voice meets four kinds of noise and four SNRs. The manifest's first
``SHORT`` rows are a smaller set of the same kind: each voice and each noise once, every SNR, and
four rooms from lively to reverberant.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench.core import audio
from bench.core.errors import UserError
from bench.core.seeds import stable_seed
from bench.core.types import Audio
from bench.datasets.recipes import mixing
from bench.datasets.synthesis import rooms, speech
from bench.datasets.synthesis.noise import noises
from bench.datasets.synthesis.sentences import Kind, draw_sentence, spoken
from bench.datasets.synthesis.voices import VOICES, Voice, draw_delivery

RATE = speech.SAMPLE_RATE
NOISES = ("babble", "speech_shaped", "pink", "hum", "impulsive", "modulated")
SNRS = (5, -5, 15, 0, 10)  # dB
SHORT = 10
CHECKSUMS = "checksums.txt"
COLUMNS = (
    *("id", "noisy", "clean", "transcript"),
    *("task", "speaker", "sex", "accent", "text", "noise", "snr", "t60"),
)
_SECONDS = (2.3, 3.3)
_LEVEL = (-30.0, -22.0)  # dB re full scale


@dataclass(frozen=True)
class Clip:
    """One planned recording: with ``noise`` at ``snr`` dB, or in a room with T60 within ``t60`` s."""

    id: str
    voice: Voice
    text: Kind
    noise: str | None = None
    snr: int | None = None
    t60: tuple[float, float] | None = None


@dataclass(frozen=True)
class Recording:
    """One rendered clip: float32 ``[samples]`` at 16 kHz, what is said, and the room's measured T60 in s."""

    clean: Audio
    noisy: Audio
    transcript: str
    t60: float | None = None


def plan() -> list[Clip]:
    """All clips, the short set's first."""
    voices = VOICES["test"]
    noisy = [
        Clip(
            f"denoise-{6 * turn + v + 1:02d}",
            voice,
            text="command" if (v + 2 * turn) % 3 == 2 else "free",
            noise=NOISES[(v + turn) % 6],
            snr=SNRS[(v + 2 * turn) % 5],
        )
        for turn in range(4)
        for v, voice in enumerate(voices)
    ]
    edges = np.linspace(rooms.SHORTEST, rooms.LONGEST, 9)
    reverberant = [
        Clip(
            f"dereverb-{k + 1:02d}",
            voices[(0, 3, 1, 4, 2, 5, 3, 0)[k]],
            text="command" if k % 3 == 2 else "free",
            t60=(float(edges[bin]), float(edges[bin + 1])),
        )
        for k, bin in enumerate((0, 7, 2, 5, 1, 6, 3, 4))
    ]
    return [*noisy[:6], *reverberant[: SHORT - 6], *noisy[6:], *reverberant[SHORT - 6 :]]


def render(clip: Clip, seed: int) -> Recording:
    """``clip`` as ``seed`` makes it; the same alone as among all."""
    rng = np.random.default_rng(stable_seed("demo", seed, clip.id))
    transcript, said = _say(rng, clip.voice, clip.text)
    if clip.noise is not None and clip.snr is not None:
        others = [said for voice in VOICES["test"] if voice != clip.voice for said in bystanders(voice, seed).values()]
        noise = noises(others)[clip.noise](rng, said.size, RATE)
        clean, noisy, t60 = said, mixing.add_noise(said, noise, clip.snr), None
    else:
        assert clip.t60 is not None
        room = _draw_room(rng, clip.t60)
        clean, noisy = mixing.reverberate(said, room, RATE)
        t60 = room.t60
    clean, noisy = mixing.at_level(clean, noisy, rng.uniform(*_LEVEL))
    return Recording(clean, noisy, transcript, t60)


def bystanders(voice: Voice, seed: int) -> dict[str, Audio]:
    """What ``voice`` says in the babble behind others: four sentences by their words."""
    rng = np.random.default_rng(stable_seed("demo bystander", seed, voice.name))
    return dict(_say(rng, voice, "free") for _ in range(4))


def make_demo(folder: str | Path, seed: int = 0) -> None:
    """Write the demo benchmark to a new ``folder``: FLAC in clean/ and noisy/, manifest, checksums.

    Raises:
        UserError: ``folder`` exists and is not empty, or the extra ``synthesis`` is not installed.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists already; name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        with (temporary / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            manifest = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            manifest.writeheader()
            for clip in plan():
                manifest.writerow(_store(clip, render(clip, seed), temporary))
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


def _say(rng: np.random.Generator, voice: Voice, text: Kind) -> tuple[str, Audio]:
    """A sentence, or two of the shorter commands, and its speech: drawn again until neither short nor long."""
    while True:
        said = [draw_sentence(rng, "test", text) for _ in range(2 if text == "command" else 1)]
        samples = speech.synthesise(", ".join(map(spoken, said)), voice.name, **asdict(draw_delivery(rng)))
        if _SECONDS[0] <= samples.size / RATE <= _SECONDS[1]:
            return " ".join(said), samples


def _draw_room(rng: np.random.Generator, t60: tuple[float, float]) -> rooms.Room:
    """A room whose measured T60 lies in the range."""
    while True:
        room = rooms.draw_room(int(rng.integers(2**62)), RATE)
        if t60[0] <= room.t60 < t60[1]:
            return room


def _store(clip: Clip, recording: Recording, folder: Path) -> dict[str, str | int | float]:
    """Write both files; the manifest's row."""
    paths = {side: f"{side}/{clip.id}.flac" for side in ("noisy", "clean")}
    for side, samples in (("noisy", recording.noisy), ("clean", recording.clean)):
        audio.write(folder / paths[side], samples, RATE, subtype="PCM_16")
    row: dict[str, str | int | float] = {
        "id": clip.id,
        **paths,
        "transcript": recording.transcript,
        "task": clip.id.partition("-")[0],
        "speaker": clip.voice.variant,
        "sex": clip.voice.sex,
        "accent": clip.voice.accent,
        "text": clip.text,
    }
    if clip.noise is not None and clip.snr is not None:
        row |= {"noise": clip.noise, "snr": clip.snr}
    if recording.t60 is not None:
        row["t60"] = round(recording.t60, 2)
    return row


def _about(seed: int) -> dict[str, str | int]:
    """What regeneration depends on beside this code."""
    return {
        "made by": "python -m bench.datasets.synthesis.make_demo",
        "seed": seed,
        "espeak-ng": speech.version(),
        **{package: version(package) for package in ("numpy", "scipy", "soxr", "pyroomacoustics")},
    }


def _checksums(folder: Path) -> Iterator[str]:
    """Lines for ``sha256sum -c``."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bench.datasets.synthesis.make_demo FOLDER")
    try:
        make_demo(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
