"""The recipe of every mixture: speech x noise x SNR x room, drawn by clip, scaled jointly, recorded.

A recording depends on the seed, its id and the files alone. ``MixedFolders`` computes it on request, ``bench data
prepare`` stores it; both are this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bench.core import audio
from bench.core.errors import UserError, did_you_mean
from bench.core.seeds import stable_seed
from bench.core.types import Audio, Tag, Utterance
from bench.datasets.corpora.jobs import Made
from bench.datasets.corpora.raw import RawFile
from bench.datasets.recipes import mixing
from bench.datasets.recipes.degradations import DEGRADATIONS, low_pass
from bench.datasets.recipes.mixing import Level
from bench.datasets.synthesis import rooms

PEAK = 0.98
"""What the louder of noisy and clean speech reaches at most."""


@dataclass(frozen=True)
class Spoken:
    """A recording of clean speech.

    Attributes:
        start, samples: the part of the file that is used, in its own samples; -1: to the end.
    """

    file: RawFile
    transcript: str | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    start: int = 0
    samples: int = -1


@dataclass(frozen=True)
class Source:
    """A noise recording or room response.

    Attributes:
        name: in tags.
        tags: what else is known of it (noise_type, room).
        part: of its duration, from and to, that may be used: [0, 1] is all.
    """

    name: str
    file: RawFile
    tags: Mapping[str, Tag] = field(default_factory=dict)
    part: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Draws:
    """What is drawn, and how recordings are made of it.

    Attributes:
        snr: for the law "uniform" [lowest, highest], "normal" [mean, deviation], "values" the values; in dB.
        law: of the SNR.
        level: what of the speech the SNR is about.
        snr_of: "noisy": the speech as it is in the noisy recording, with its room; "target": the clean target.
        t60: rooms are simulated with a reverberation time drawn in this range in s; None: responses, or no room.
        target: "direct" sound alone, or the "reverberant" speech without noise.
        scaling: "safe": only down, where noisy or clean speech would exceed 0.98; "peak": its larger peak to 0.9.
        distortions, most: kinds of ``degradations``, of which 1 to ``most`` are drawn for a recording.
        low_pass: cutoffs in Hz, of which one is drawn for a recording; its target keeps the whole band.
        rate: of the recordings in Hz; None: the speech's own.
        mixdown, channel: of files with several channels.
    """

    snr: tuple[float, ...] = (-5.0, 15.0)
    seed: int = 0
    law: Literal["uniform", "normal", "values"] = "uniform"
    level: Level = "rms"
    snr_of: Literal["noisy", "target"] = "noisy"
    t60: tuple[float, ...] | None = None
    target: Literal["direct", "reverberant"] = "direct"
    scaling: Literal["safe", "peak"] = "safe"
    distortions: tuple[str, ...] = ()
    most: int = 1
    low_pass: tuple[float, ...] = ()
    rate: int | None = None
    mixdown: bool = False
    channel: int | None = None

    def __post_init__(self) -> None:
        if self.law == "uniform" and (len(self.snr) != 2 or self.snr[0] > self.snr[1]):
            raise UserError(f"snr must be a range [lowest, highest] in dB, got {list(self.snr)}")
        if self.law == "normal" and (len(self.snr) != 2 or self.snr[1] < 0):
            raise UserError(f"snr must be [mean, deviation] in dB, got {list(self.snr)}")
        if not self.snr:
            raise UserError("snr must have at least one value in dB")
        for kind in self.distortions:
            if kind not in DEGRADATIONS:
                raise did_you_mean("distortion", kind, DEGRADATIONS)
        if self.most < 1:
            raise UserError(f"most must be 1 or more distortions of a recording, got {self.most}")
        if self.t60 is not None and (len(self.t60) != 2 or not 0 < self.t60[0] <= self.t60[1]):
            raise UserError(f"t60 must be a range [shortest, longest] in s, got {list(self.t60)}")


@dataclass(frozen=True)
class Mixer:
    """Makes recordings from speech, noises (none: only rooms) and responses (none, and no T60: no rooms)."""

    speech: Mapping[str, Spoken]
    noises: Sequence[Source]
    draws: Draws
    responses: Sequence[Source] = ()

    def __call__(self, name: str) -> Made:
        """Make one recording.

        Raises:
            UserError: a file cannot be read, or speech, noise or a response is silent.
        """
        spoken, draws = self.speech[name], self.draws
        dry, rate = self._speech(spoken)
        tags: dict[str, Tag] = {}
        details: dict[str, Tag] = {"speech": str(spoken.file), "start": spoken.start}
        heard, target = self._in_room(name, dry, rate, tags, details)
        noisy, clean = heard, heard if draws.target == "reverberant" else target
        if self.noises:
            about = heard if draws.snr_of == "noisy" else clean
            noisy = heard + self._noise(name, about, rate, tags, details)
        noisy = self._distorted(name, noisy, rate, tags)
        peak = max(float(np.abs(noisy).max()), float(np.abs(clean).max()))
        gain = np.float32(0.9 / peak if draws.scaling == "peak" else min(1.0, PEAK / peak))
        details["gain_db"] = round(20 * float(np.log10(gain)), 3)
        tags = {**spoken.tags, **tags}
        return Made(Utterance(name, gain * noisy, rate, gain * clean, spoken.transcript, tags), details)

    def _speech(self, spoken: Spoken) -> tuple[Audio, int]:
        samples, own = self._read(spoken.file)
        samples = samples[spoken.start :] if spoken.samples < 0 else samples[spoken.start :][: spoken.samples]
        if not samples.any():
            raise UserError(f"{spoken.file}: silent, so no gain gives an SNR")
        rate = self.draws.rate or own
        return audio.resample(samples, own, rate), rate

    def _noise(self, name: str, speech: Audio, rate: int, tags: dict[str, Tag], details: dict[str, Tag]) -> Audio:
        """A segment of a random noise, as long as ``speech`` and scaled to the SNR that is drawn."""
        rng = np.random.default_rng(stable_seed("mixed_folders", self.draws.seed, name))
        snr = self._snr(rng)
        source = self.noises[int(rng.integers(len(self.noises)))]
        whole, own = self._read(source.file)
        first, last = (round(share * whole.size) for share in source.part)
        noise = audio.resample(whole[first:last], own, rate)
        if not noise.any():
            raise UserError(f"{source.file}: silent, so no gain gives an SNR")
        start = mixing.draw_start(rng, noise.size, speech.size)
        noise = mixing.segment(noise, start, speech.size)
        if not noise.any():
            raise UserError(f"{source.file}: silent, so no gain gives an SNR")
        if self.draws.level == "rms":
            gain = np.sqrt(mixing.power(speech) / mixing.power(noise) / 10 ** (snr / 10))
        else:
            wanted = mixing.level_of(speech, rate, self.draws.level) - snr
            gain = np.sqrt(10 ** (wanted / 10) / mixing.power(noise))
        tags |= {"snr": round(snr, 2), "noise": source.name, **source.tags}
        details |= {"noise": str(source.file), "noise_start": start + round(first * rate / own)}
        return np.float32(gain) * noise

    def _snr(self, rng: np.random.Generator) -> float:
        match self.draws.law:
            case "uniform":
                return float(rng.uniform(self.draws.snr[0], self.draws.snr[1]))
            case "normal":
                return float(rng.normal(self.draws.snr[0], self.draws.snr[1]))
            case "values":
                return float(self.draws.snr[int(rng.integers(len(self.draws.snr)))])

    def _in_room(
        self, name: str, speech: Audio, rate: int, tags: dict[str, Tag], details: dict[str, Tag]
    ) -> tuple[Audio, Audio]:
        """The speech as it is heard in a room, and its direct sound; both the speech itself if there is no room."""
        if self.draws.t60 is None and not self.responses:
            return speech, speech
        seed = stable_seed("room of a mixture", self.draws.seed, name)
        t60: float | None
        if self.draws.t60 is not None:
            low, high = self.draws.t60
            room, t60 = (drawn := rooms.draw_room(seed, rate, (low, high))), drawn.t60
            details["room_seed"] = str(seed)
            tags["room"] = f"simulated-{stable_seed('simulated room', seed, rate, low, high):012x}"
        else:
            rng = np.random.default_rng(seed)
            source = self.responses[int(rng.integers(len(self.responses)))]
            response, own = source.file.read(channel=0)
            response = audio.resample(response, own, rate)
            if not response.any():
                raise UserError(f"{source.file}: silent, so it is no response of a room")
            room = rooms.measured_room(response, rate)
            t60 = rooms.t60_of(room.reverberant, rate)
            tags |= {"room": source.name, **source.tags}
            details["response"] = str(source.file)
        tags |= {"drr": round(rooms.measure_drr(room.reverberant, rate), 2)}
        if t60 is not None:
            tags["t60"] = round(t60, 3)
        direct, heard = mixing.reverberate(speech, room, rate)
        return heard, direct

    def _distorted(self, name: str, noisy: Audio, rate: int, tags: dict[str, Tag]) -> Audio:
        """With some of the distortions, in their usual order, and without what is above a cutoff."""
        rng = np.random.default_rng(stable_seed("distortions of a mixture", self.draws.seed, name))
        if kinds := self.draws.distortions:
            count = int(rng.integers(1, min(self.draws.most, len(kinds)) + 1))
            chosen = sorted(rng.choice(len(kinds), count, replace=False))
            for kind in (kinds[int(place)] for place in chosen):
                degraded = DEGRADATIONS[kind](noisy, rate, rng)
                noisy = degraded.speech
                tags |= degraded.tags
            tags["distortions"] = "+".join(kinds[int(place)] for place in chosen)
        if self.draws.low_pass:
            cutoff = self.draws.low_pass[int(rng.integers(len(self.draws.low_pass)))]
            noisy = low_pass(noisy, rate, cutoff)
            tags["bandwidth"] = cutoff
        return noisy

    def _read(self, file: RawFile) -> tuple[Audio, int]:
        return file.read(mixdown=self.draws.mixdown, channel=self.draws.channel)
