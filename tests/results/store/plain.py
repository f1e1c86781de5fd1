"""Tables and panels of rows, made row by row as their documentation says: what columns give must be the same."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from bench.core.types import Score
from results.statistics.panel import Panel
from results.store.rows import Row
from tests.results.store.synthetic import synthetic_rows

INTEGERS = ("steps", "seed", "sample_rate", "resampled_from", "model_rate", "nfe", "threads")
MAPPINGS = {"tag": "tags", "finding": "findings", "adjusted": "adjusted", "computing": "computing", "cost": "cost"}


def varied_rows(count: int, seed: int = 0) -> Iterator[Row]:
    """Synthetic rows with failures, missing scores, odd tags and findings, and a second dataset, in another order."""
    draw = random.Random(seed)
    rows = [json.loads(row.to_json()) for row in synthetic_rows(count)]
    draw.shuffle(rows)
    for row in rows:
        chance = draw.random()
        if chance < 0.05:
            failed = {"status": "error", "reason": draw.choice(["crash", '=1+1, "quoted"\rand\nmore'])}
            row |= {**failed, "scores": {}, "metric_versions": {}, "tags": {}, "cost": {}, "nfe": None}
        elif chance < 0.1:
            del row["scores"]["wer"], row["metric_versions"]["wer"]
        elif chance < 0.15:
            row["scores"]["si_sdr"] = {"value": None, "status": draw.choice(["error", "undefined"]), "reason": "none"}
        elif chance < 0.2:
            row["tags"] |= {"odd": draw.choice([3, True, 2.5, "x", "-x"]), "late": 7}
        elif chance < 0.25:
            row |= {"findings": {draw.choice(["enhanced_silent", "noisy_clipped"]): 1.0}, "adjusted": {"cut": 3}}
        if draw.random() < 0.3:
            row["key"]["dataset"] = "other"
        yield Row.from_json(json.dumps(row))


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """``results.store.frame.to_frame``."""
    rows = sorted(rows, key=lambda row: row.key)
    records: list[dict[str, Any]] = [{} for _ in rows]
    for row, record in zip(rows, records, strict=True):
        facts = {**asdict(row.key), **{name: value for name, value in vars(row).items() if name != "key"}}
        names = ("dataset", "method", "steps", "seed", "utterance", "paradigm", "status", "reason", "seconds")
        more = ("sample_rate", "resampled_from", "model_rate", "nfe", "enhance_seconds", "rtf", "threads", "device")
        record |= {name: row.rtf if name == "rtf" else facts[name] for name in (*names, *more)}
    for metric in dict.fromkeys(name for row in rows for name in row.scores):
        scores = [row.score(metric) for row in rows]
        counted = any(score.total is not None for score in scores)
        for row, score, record in zip(rows, scores, records, strict=True):
            record |= {metric: score.value, f"{metric}_status": score.status, f"{metric}_reason": score.reason}
            if counted:
                record |= {f"{metric}_errors": score.errors, f"{metric}_total": score.total}
            record[f"{metric}_version"] = row.metric_versions.get(metric)
    for prefix, field in MAPPINGS.items():
        for name in sorted({name for row in rows for name in getattr(row, field)}):
            for row, record in zip(rows, records, strict=True):
                record[f"{prefix}_{name}"] = getattr(row, field).get(name)
    columns = {name: [record[name] for record in records] for name in records[0]}
    kinds = dict.fromkeys(INTEGERS, "Int64") | {"rtf": "float64", "seconds": "float64"}
    kinds |= {name: "object" for name in columns if name.endswith(("_status", "_reason", "_version"))}
    return pd.DataFrame({name: pd.Series(values, dtype=kinds.get(name)) for name, values in columns.items()})


def check_panel(panel: Panel, rows: Sequence[Row]) -> None:
    """Assert that the panel says of its dataset what the rows say."""
    own = [row for row in rows if row.key.dataset == panel.dataset]
    assert list(panel.clips) == sorted({row.key.utterance for row in own})
    for tag in {name for row in own for name in row.tags}:
        told = {row.key.utterance: row.tags[tag] for row in own if tag in row.tags}
        assert list(map(repr, panel.tags[tag])) == [repr(told.get(clip)) for clip in panel.clips]
    by_system: dict[Any, list[Row]] = defaultdict(list)
    for row in own:
        by_system[row.key.method, row.key.steps].append(row)
    assert {(system.method, system.steps) for system in panel.systems} == by_system.keys()
    for number, system in enumerate(panel.systems):
        group = by_system[system.method, system.steps]
        assert system.paradigm == group[0].paradigm
        assert list(system.rows) == sorted(group, key=lambda row: row.key)
        for metric in panel.scores:
            _check_scores(panel, number, metric, list(system.rows))


def _check_scores(panel: Panel, number: int, metric: str, rows: Sequence[Row]) -> None:
    found = panel.scores[metric]
    seeds = sorted({row.key.seed for row in rows}, key=lambda seed: -1 if seed is None else seed)
    there = {(row.key.utterance, row.key.seed): row.score(metric) for row in rows}
    for clip, name in enumerate(panel.clips):
        scores = [there.get((name, seed)) for seed in seeds]
        values = [score.value if score is not None else None for score in scores]
        assert _plain(found.samples[number, clip, : len(seeds)]) == values
        if found.totals is not None and found.errors is not None:
            assert _plain(found.totals[number, clip, : len(seeds)]) == [score and score.total for score in scores]
            errors = [None if score is None or score.errors is None else 100 * score.errors for score in scores]
            assert _plain(found.errors[number, clip, : len(seeds)]) == errors
        if any(value is not None for value in values):
            assert clip not in found.missing[number]
            continue
        gravity = ("ok", "skipped", "undefined", "error")
        given = [score for score in scores if score is not None] or [Score.missing("skipped", "not computed")]
        gravest = max(given, key=lambda score: gravity.index(score.status))
        assert found.missing[number][clip] == gravest


def _plain(values: Any) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
