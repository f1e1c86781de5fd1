"""The site's files: ``index.html``, ``leaderboard.csv`` and ``.json``, and what other programs read."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.core import tables
from bench.core.files import replacing, safe_name
from results.site import exports
from results.site.ranking import Entry, Ranking
from results.store.merge import Stored


@dataclass(frozen=True)
class Site:
    """What is published.

    Attributes:
        of: by method, the submission it is of.
        reports: by submission, the path of its report in the site.
        hub: by dataset, its name on the Hugging Face Hub.
    """

    title: str
    ranking: Ranking
    of: Mapping[str, Stored]
    reports: Mapping[str, str]
    notes: Sequence[str]
    confidence: float
    version: str
    hub: Mapping[str, str]


def write(site: Site, folder: Path) -> Path:
    """Write the site's own files; returns ``index.html``.

    Raises:
        UserError: a file cannot be written.
    """
    records = [_record(site, entry) for entry in site.ranking.entries]
    tables.write(pd.DataFrame(records), folder / "leaderboard.csv")
    _put(folder / "leaderboard.json", json.dumps(records, indent=1, ensure_ascii=False, default=str))
    for entry in site.ranking.entries:
        run = site.of[entry.method]
        if entry.paradigm in ("control", "oracle") or not entry.scores:
            continue
        name = f"{safe_name(run.folder.name)}/{safe_name(entry.label)}"
        record = exports.every_eval_ever(entry, run, site.ranking, site.version)
        _put(folder / "every_eval_ever" / f"{name}.json", json.dumps(record, indent=1, ensure_ascii=False))
        lines = [dict(line) for line in exports.eval_results(entry, run, site.ranking, site.hub)]
        _put(folder / "eval_results" / f"{name}.yaml", yaml.safe_dump(lines, sort_keys=False, allow_unicode=True))
    _put(folder / "index.html", _page(site))
    return folder / "index.html"


def _record(site: Site, entry: Entry) -> dict[str, Any]:
    record: dict[str, Any] = {
        **{"method": entry.method, "steps": entry.steps, "paradigm": entry.paradigm},
        **{"submission": site.of[entry.method].folder.name, "rank": _known(entry.rank)},
        **{"rank_low": _known(entry.low), "rank_high": _known(entry.high), "why_unranked": entry.why},
    }
    for task in site.ranking.tasks:
        score = entry.scores.get(task)
        parts = ("mean", "low", "high", "n")
        values = [getattr(score, part) if score else None for part in parts]
        record |= {f"{task.dataset}/{task.metric}/{part}": _known(v) for part, v in zip(parts, values, strict=True)}
    return record


def _known(value: Any) -> Any:
    """None for NaN, which JSON does not have."""
    return None if value is None or value != value else value


def _page(site: Site) -> str:
    environment = Environment(
        loader=PackageLoader("results.site", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    script = Path(__file__).with_name("site.js").read_text(encoding="utf-8")
    ranking = site.ranking
    several = len(ranking.sizes) > 1
    heads = [
        f"{task.dataset}: {ranking.metrics[task.metric].heading}" if several else ranking.metrics[task.metric].heading
        for task in ranking.tasks
    ]
    return str(
        environment.get_template("site.html.j2").render(
            title=site.title,
            digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            script=Markup(script),  # our own file
            systems=sum(not entry.why for entry in ranking.entries),
            submissions=len({run.folder for run in site.of.values()}),
            **{"tasks": ranking.tasks, "sizes": ranking.sizes, "confidence": f"{100 * site.confidence:g}"},
            **{"heads": heads, "lines": [_line(site, entry) for entry in ranking.entries]},
            **{"notes": site.notes, "version": site.version},
        )
    )


def _line(site: Site, entry: Entry) -> dict[str, Any]:
    run = site.of[entry.method]
    cells = []
    for task in site.ranking.tasks:
        score, info = entry.scores.get(task), site.ranking.metrics[task.metric]
        if score is None:
            cells.append({"value": "", "text": "–", "interval": ""})
            continue
        interval = "" if score.low != score.low else f"[{info.format(score.low)}, {info.format(score.high)}]"
        cells.append({"value": f"{score.mean:.6g}", "text": info.format(score.mean), "interval": interval})
    return {
        **{"label": entry.label, "paradigm": entry.paradigm, "why": entry.why, "run": run.folder.name},
        **{"value": "" if entry.why else f"{entry.rank:.6g}", "rank": f"{entry.rank:.1f}"},
        **{"low": f"{entry.low:.1f}", "high": f"{entry.high:.1f}", "cells": cells},
        "href": quote(site.reports[run.name]),
    }


def _put(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
