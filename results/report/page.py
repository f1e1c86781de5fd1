"""The report: a page in one file, or in a folder with the audio of every recording beside it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from bench.core.errors import UserError
from bench.core.files import replacing
from results.report import numbers, sections, sounds
from results.report.sounds import Recording
from results.store.merge import Manifest
from results.views.summary import Look

Listen = Callable[[str, str], Recording]
"""The recording called (dataset, utterance); raises ``UserError`` if it cannot be read."""


@dataclass(frozen=True)
class About:
    """What stands in the page beside the statistics.

    Attributes:
        title: of the page.
        manifests: of each run by its name.
        notes: on all datasets.
        version: of this package.
    """

    title: str
    manifests: Mapping[str, Manifest]
    notes: Sequence[str]
    version: str


@dataclass(frozen=True)
class Written:
    """The page, its size, and how many of the recordings can be listened to in it."""

    path: Path
    megabytes: float
    heard: int
    recordings: int


def write(looks: Sequence[Look], about: About, listen: Listen | None, out: Path, megabytes: float = 10.0) -> Written:
    """Write the page.

    Args:
        looks: every dataset's analysis.
        listen: None: nothing can be listened to.
        out: ``NAME.html``: one file; else a folder, where audio of all recordings lies in files beside the page.
        megabytes: of audio in a page of one file, the recordings most worth hearing first.

    Raises:
        UserError: a file cannot be written.
    """
    beside = out.suffix.lower() not in (".html", ".htm")
    path = out / "index.html" if beside else out
    found = _sounds(looks, listen) if listen else iter(())
    heard, embedded = 0, []
    if beside:
        for name, clip in found:
            _put(path.parent / "clips" / f"{name}.js", f'sebenchClip("{name}", {clip});\n')
            heard += 1
    else:
        embedded = _within(found, megabytes * 1e6)
        heard = len(embedded)
    text = _page(looks, about, embedded, beside)
    _put(path, text)
    return Written(path, len(text.encode()) / 1e6, heard, sum(len(look.analysis.panel.clips) for look in looks))


def _sounds(looks: Sequence[Look], listen: Listen) -> Iterator[tuple[str, str]]:
    """The recordings' names in the page and their signals as JSON, dataset by dataset in turn."""
    queues = [(number, look, sections.wanted(look)) for number, look in enumerate(looks)]
    for place in range(max((len(order) for _, _, order in queues), default=0)):
        for number, look, order in queues:
            if place < len(order):
                panel, clip = look.analysis.panel, order[place]
                try:
                    recording = listen(panel.dataset, panel.clips[clip])
                except UserError:
                    continue
                if any(track.samples is not None for track in recording.tracks):
                    yield f"{number}-{clip}", as_json(sounds.encoded(recording))


def _within(found: Iterator[tuple[str, str]], budget: float) -> list[tuple[str, str]]:
    """As many as the budget of bytes holds."""
    taken: list[tuple[str, str]] = []
    for name, clip in found if budget > 0 else ():
        budget -= len(clip)
        if budget < 0:
            break
        taken.append((name, clip))
    return taken


def _page(looks: Sequence[Look], about: About, embedded: Sequence[tuple[str, str]], beside: bool) -> str:
    options = looks[0].analysis.options if looks else None
    script = asset("player.js") + asset("report.js")
    shown = [sections.section(look) for look in looks]
    data = {"sets": [numbers.dataset(look.analysis) for look in looks], "beside": beside, "nothing": _NOTHING}
    return template("report.html.j2").render(
        title=about.title,
        summary="; ".join(f"{section['name']}: {section['size']}, {len(section['rows'])} systems" for section in shown),
        policy=policy(script, "'self' file:" if beside else ""),
        style=asset("report.css"),
        script=script,
        sections=shown,
        notes=about.notes,
        runs=[_run(name, manifest) for name, manifest in about.manifests.items()],
        clips=embedded,
        data=as_json(data),
        texts=as_json([numbers.texts(look.analysis) for look in looks]),
        version=about.version,
        confidence=f"{100 * options.confidence:g} %" if options else "",
        resamples=options.resamples if options else "",
    )


_NOTHING = (
    "No audio of this recording is in the page: it holds those most worth hearing, as far as megabytes=... allows. "
    "bench report RUN out=FOLDER has all that the run kept; bench show RUN clip=... takes out one."
)


def _run(name: str, manifest: Manifest) -> dict[str, Any]:
    titles = {"datasets": "Data", "methods": "Methods and weights", "metrics": "Metrics and their versions"}
    parts = [
        {"title": f"{title} ({len(manifest[kind])})", "entries": [_entry(*entry) for entry in manifest[kind].items()]}
        for kind, title in titles.items()
    ]
    sessions = [
        {"name": str(session.get("started", "")), "facts": [*_facts({key: session.get(key) for key in _SESSION})]}
        for session in manifest["sessions"]
    ]
    return {"name": name, "parts": [*parts, {"title": f"Sessions ({len(sessions)})", "entries": sessions}]}


_SESSION = ("ended", "git", "versions", "machine")


def _entry(label: str, described: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": label, "facts": [*_facts({key: value for key, value in described.items() if key != "shown"})]}


def _facts(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of a mapping, by its dotted name."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _facts(inner, f"{prefix}{name}.")
        elif inner not in (None, "", []):
            yield f"{prefix}{name}", str(inner)


def as_json(value: Any) -> str:
    """JSON that can stand in a page's script: no ``<`` in it ends or begins anything."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.encode("utf-8", "replace").decode()
    return text.translate({ord("<"): "\\u003c", 0x2028: "\\u2028", 0x2029: "\\u2029"})


def policy(script: str, beside: str = "", connect: str = "'none'") -> str:
    """A Content-Security-Policy: this script and no other runs, and nothing is fetched."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' {beside}".rstrip()
        + f"; style-src 'unsafe-inline'; img-src data:; connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


def template(name: str) -> Template:
    """A template of this package. Everything that is put into it is escaped."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("results.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


@cache
def asset(name: str) -> str:
    """A script or style sheet of this package."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _put(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")
