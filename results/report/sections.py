"""What the page says of a dataset before anybody clicks: leaderboard, charts, suspects, failures; ready as text."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from results.report import charts
from results.statistics.analysis import Analysis
from results.store.rows import Row
from results.views.cells import Line, legend, lines, missing
from results.views.hallucination import Hallucinations
from results.views.pareto import cost_of
from results.views.summary import Look

Plain = dict[str, Any]

MOST_SUSPECTS = 30
"""Recordings listed for each system and pair of metrics."""

MOST_EXTREMES = 3
"""Recordings at either end of a pair's differences that are given audio before others."""


def section(look: Look, drawn: bool = True) -> Plain:
    """One dataset's part of the page, for the template.

    Args:
        drawn: with charts.
    """
    analysis = look.analysis
    return {
        "name": analysis.panel.dataset,
        "size": analysis.size,
        "heads": _heads(analysis),
        "rows": list(_rows(analysis)),
        "notes": [*legend(analysis, "shaded", "≈"), *missing(analysis)],
        "remarks": list(look.remarks),
        "charts": [_charts(look, metric) for metric in analysis.shown] if drawn else [],
        "suspects": [_suspects(analysis, view) for view in look.hallucinations if view.share > 0],
        "judged": bool(look.hallucinations),
        "failures": failures(analysis),
    }


def _heads(analysis: Analysis) -> list[Plain]:
    heads = [{"key": "method", "text": "method", "kind": "text", "down": 0}]
    for name in analysis.shown:
        info = analysis.metrics[name]
        heads.append({"key": f"m.{name}", "text": info.heading, "kind": "number", "down": int(info.direction >= 0)})
    for key, text in (("n", "n"), ("nfe", "NFE"), ("macs", "GMAC/s"), ("parameters", "M par."), ("rtf", "RTF"),
                      ("failed", "failed")):  # fmt: skip
        heads.append({"key": key, "text": text, "kind": "number", "down": 0})
    return heads


def _rows(analysis: Analysis) -> Iterator[Plain]:
    colours = charts.palette(analysis)
    for number, (line, summary) in enumerate(zip(lines(analysis), analysis.summaries, strict=True)):
        system = summary.system
        cells = [
            _shown(system.label, system.label.lower()),
            *(_cell(analysis, number, line, name) for name in analysis.shown),
            _shown(str(line.n), line.n),
            _shown(line.nfe, _value(summary.nfe)),
            _shown(line.macs, _value(cost_of(summary, "macs"))),
            _shown(line.parameters, _value(summary.cost.get("parameters", math.nan))),
            _shown(line.rtf, _value(summary.rtf)),
            _shown(str(line.failed), line.failed),
        ]
        yield {
            **{"system": number, "cells": cells, "paradigm": system.paradigm, "colour": colours[number]},
            "words": f"{system.label} {system.paradigm}".lower(),
            "shape": charts.SHAPES[charts.marker(number)],
        }


def _cell(analysis: Analysis, number: int, line: Line, name: str) -> Plain:
    cell = line.cells[name]
    mean = analysis.summaries[number].metrics[name].mean
    return _shown(cell.mean, _value(mean), interval=cell.interval, standing=cell.standing, n=cell.n)


def _shown(text: str, value: object, interval: str = "", standing: str = "", n: int | None = None) -> Plain:
    """A cell: its text, what it is sorted by, and what stands below the text."""
    return {"text": text, "value": value, "interval": interval, "standing": standing, "n": n}


def _value(value: float) -> str:
    """As the page sorts by it; empty for none."""
    return f"{value:.10g}" if math.isfinite(value) else ""


def _charts(look: Look, metric: str) -> Plain:
    analysis = look.analysis
    tags = dict.fromkeys(stratum.tag for stratum in look.strata)
    of_tags = ([stratum for stratum in look.strata if stratum.tag == tag] for tag in tags)
    return {
        "metric": metric,
        "costs": charts.trade_offs(analysis, metric),
        "distribution": charts.distribution(analysis, metric),
        "strata": [svg for strata in of_tags if (svg := charts.by_stratum(analysis, strata, metric))],
    }


def _suspects(analysis: Analysis, view: Hallucinations) -> Plain:
    """One system's suspect recordings, those that lost most of what is said first."""
    content, quality = analysis.metrics[view.content], analysis.metrics[view.quality]
    label = analysis.panel.systems[view.system].label
    return {
        "system": view.system,
        "content": view.content,
        "title": f"{label}: {100 * view.share:.0f} % of {view.n} recordings "
        f"({quality.label} up, {content.label} worse)",
        "clips": [
            {
                "at": clip,
                "name": analysis.panel.clips[clip],
                "text": f"{content.label} {content.format(-abs(view.content_gain[clip]))}, "
                f"{quality.label} +{quality.format(abs(view.quality_gain[clip]))}",
            }
            for clip in suspects(view)[:MOST_SUSPECTS]
        ],
    }


def suspects(view: Hallucinations) -> list[int]:
    """Its flagged recordings, the largest loss of content first."""
    flagged = np.flatnonzero(np.nan_to_num(view.flagged) > 0)
    return [int(clip) for clip in flagged[np.argsort(view.content_gain[flagged], kind="stable")]]


def failures(analysis: Analysis) -> list[Plain]:
    """Rows without an enhancement or a score, by what is missing and why; the most frequent first."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for system in analysis.panel.systems:
        for row in system.rows:
            for reason in _lost(analysis, row):
                found[reason].append(row)
    return [
        {
            **{"what": what, "reason": reason, "rows": len(rows), "example": rows[0].key.utterance},
            "methods": ", ".join(dict.fromkeys(row.key.method for row in rows)),
        }
        for (what, reason), rows in sorted(found.items(), key=lambda entry: -len(entry[1]))
    ]


def _lost(analysis: Analysis, row: Row) -> Iterator[tuple[str, str]]:
    if row.status != "ok":
        yield "enhancement", f"{row.status}: {row.reason}"
        return
    for name, score in row.scores.items():
        if score.value is None:
            yield analysis.metrics[name].label, f"{score.status}: {score.reason}" if score.reason else score.status


def wanted(look: Look) -> list[int]:
    """All recordings in the order in which they should have audio: suspects, then the ends of every pair's
    differences by every metric, pair by pair, then the rest.
    """
    panel = look.analysis.panel
    order = dict.fromkeys(clip for view in look.hallucinations for clip in suspects(view)[:MOST_EXTREMES])
    ranked = []
    for name in look.analysis.shown:
        clips = panel.scores[name].clips
        for pair in look.analysis.comparisons[name]:
            difference = clips[pair.first] - clips[pair.second]
            there = np.flatnonzero(np.isfinite(difference))
            ranked.append(there[np.argsort(difference[there], kind="stable")])
    for place in range(MOST_EXTREMES):
        for ends in ranked:
            order |= dict.fromkeys(int(clip) for clip in (*ends[place : place + 1], *ends[-1 - place :][:1]))
    return list(order | dict.fromkeys(range(len(panel.clips))))
