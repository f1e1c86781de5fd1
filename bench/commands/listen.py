"""``bench listen FILE ...``: one's own recordings through several methods, on one page, and more by microphone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from bench.commands import settings
from bench.commands.loopback import Loopback
from bench.core import audio
from bench.core.errors import UserError
from bench.core.seeds import stable_seed
from bench.core.types import Audio, Utterance
from bench.run.assembly import labelled
from bench.run.entries import Spec
from bench.run.inference import Inference
from bench.run.parts import Recipe
from bench.run.settings import check_device
from methods.base import METHODS
from metrics.base import METRICS, Metric
from metrics.clip import Recording as Scored
from results.report import sheet, sounds
from results.report.sheet import Entry
from results.report.sounds import NOISY, Recording, Track

MICROPHONE = "mic"
"""In place of a FILE: nothing but what the page's microphone records."""

LONGEST = 60.0
"""Seconds of a recording: the page holds it once per method."""


class Listening:
    """Enhances recordings with all methods, and scores what needs no reference. Methods are built once."""

    def __init__(self, asked: settings.Listen) -> None:
        device = "cuda" if asked.device != "cpu" and torch.cuda.is_available() else "cpu"
        torch.set_num_threads(asked.threads)
        self.asked = asked
        self._metrics = [_free(spec) for spec in asked.metrics]
        recipes = labelled("methods", asked.methods, [Recipe.of(METHODS, spec) for spec in asked.methods])
        self._methods = {label: Inference(recipe.build(device)) for label, recipe in recipes.items()}

    @property
    def labels(self) -> list[str]:
        return list(self._methods)

    def __call__(self, name: str, path: Path) -> Entry:
        """The recording in ``path`` with every method's version.

        Raises:
            UserError: the recording cannot be read, or is too long.
        """
        samples, rate = _read(path, self.asked)
        recording = Scored.of(Utterance(name, samples, rate))
        tracks = [Track("unprocessed", NOISY, samples, notes=self._scores(samples, recording))]
        for number, (label, inference) in enumerate(self._methods.items()):
            steps = self.asked.steps if inference.method.uses_steps else None
            generator = torch.Generator().manual_seed(stable_seed(self.asked.seed, name, label, steps))
            try:
                timed = inference(recording, steps, generator)
            except Exception as error:  # one method must not end the others
                tracks.append(Track(label, number, None, str(error)))
                continue
            made = timed.enhanced
            facts = [f"NFE {made.nfe}"] if made.nfe else []
            facts.append(f"RTF {timed.seconds * rate / samples.size:.2f}")
            tracks.append(Track(label, number, made.audio, notes=[*self._scores(made.audio, recording), *facts]))
        return Entry(name, Recording(rate, tracks))

    def _scores(self, samples: Any, recording: Scored) -> list[str]:
        found = []
        for metric in self._metrics:
            score = metric.score(samples, recording)
            found.append(f"{metric.label} {score.status if score.value is None else f'{score.value:.2f}'}")
        return found

    def recorded(self, content: bytes, number: int) -> dict[str, Any]:
        """The answer to the page's microphone. Raises ``UserError`` as ``__call__`` does."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"recording {number}.wav"
            path.write_bytes(content)
            entry = self(path.stem, path)
        return {"name": entry.name, "recording": sounds.encoded(entry.recording)}


@dataclass(frozen=True)
class Ready:
    """The page in its file; and what serves it with a microphone until interrupted, and its address, if asked for."""

    page: Path | None
    address: str = ""
    serve: Callable[[], None] | None = None


def listen(files: Sequence[str], config: Mapping[str, Any], progress: Callable[[str], None]) -> Ready:
    """Enhance the files, write the page, and open a server for it.

    Raises:
        UserError: a file cannot be read or a method not be built.
    """
    asked = settings.Listen.of(config)
    check_device(asked.device)
    audio.check_channels("listen", asked.mixdown, asked.channel)
    paths = [Path(name).expanduser() for name in files if name != MICROPHONE]
    if not paths and not asked.serve:
        raise UserError(f"{MICROPHONE}: only the served page records; leave serve=true, or name a file")
    for path in paths:  # before anything is enhanced
        _read(path, asked)
    listening = Listening(asked)
    entries = []
    for path in paths:
        progress(f"{path}: {', '.join(listening.labels)}")
        entries.append(listening(path.name, path))
    title = f"Listen: {', '.join(path.name for path in paths) or 'the microphone'}"
    page = asked.out or Path("listen.html")
    if entries:
        sheet.write(page, title, entries)
    if not asked.serve:
        return Ready(page if entries else None)
    server = Loopback(sheet.page(title, entries, microphone=True), listening.recorded, asked.port)
    return Ready(page if entries else None, server.address, server.serve)


def _read(path: Path, asked: settings.Listen) -> tuple[Audio, int]:
    samples, rate = audio.read(path, mixdown=asked.mixdown, channel=asked.channel)
    if samples.size > LONGEST * rate:
        raise UserError(
            f"{path}: {samples.size / rate:.0f} s; bench listen takes {LONGEST:g} s, bench enhance any length"
        )
    return samples, rate


def _free(spec: Spec) -> Metric:
    """The metric, if it needs nothing but the recording."""
    metric = METRICS.create(spec.name, **spec.options)
    if metric.needs_clean or metric.needs_transcript or metric.needs_estimate:
        raise UserError(f"metrics: {spec.name} needs more than the recording; dnsmos, nisqa and utmos do not")
    return metric
