"""Stored runs made of numbers, for tests of tables, figures and sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.core.types import Score
from results.store.folder import Store
from results.store.rows import Key, Row

SHOWN = {
    "pesq": {"label": "PESQ", "unit": "MOS", "aspect": "quality", "low": 1.0, "high": 4.644},
    "estoi": {"label": "ESTOI", "aspect": "intelligibility", "low": -1.0, "high": 1.0},
    "si_sdr": {"label": "SI-SDR", "unit": "dB", "aspect": "signal"},
    "wer": {"label": "WER", "unit": "%", "aspect": "content", "higher_is_better": False, "low": 0.0},
}
PARADIGM = {"noisy": "control", "ncsnpp_m": "predictive", "sgmse_m": "generative", "storm": "regeneration"}


def row(
    method: str,
    clip: str,
    scores: Mapping[str, float | Score],
    *,
    steps: int | None = None,
    dataset: str = "demo",
    versions: Mapping[str, str] | None = None,
    **rest: Any,
) -> Row:
    """A row whose metrics have the version ``1`` unless ``versions`` says otherwise."""
    told = {name: (versions or {}).get(name, "1") for name in scores}
    return Row(
        Key(dataset, method, steps, 0 if steps else None, clip),
        rest.pop("paradigm", PARADIGM.get(method, "external")),
        "ok",
        sample_rate=16000,
        seconds=2.0,
        nfe=rest.pop("nfe", steps or 1),
        threads=1,
        scores={name: value if isinstance(value, Score) else Score(value) for name, value in scores.items()},
        metric_versions=told,
        tags=rest.pop("tags", {}),
        **rest,
    )


def manifest(
    rows: Sequence[Row],
    provenance: Mapping[str, Mapping[str, Any]] | None = None,
    fingerprint: str = "f" * 64,
    versions: Mapping[str, str] | None = None,
    **session: Any,
) -> dict[str, Any]:
    """The manifest of a run of these rows."""
    methods = dict.fromkeys(row.key.method for row in rows)
    metrics = dict.fromkeys(name for row in rows for name in row.scores)
    return {
        "methods": {
            name: {"name": name, "options": {}, "provenance": dict((provenance or {}).get(name, {}))}
            for name in methods
        },
        "datasets": {
            name: {"name": name, "options": {}, "fingerprint": fingerprint}
            for name in dict.fromkeys(row.key.dataset for row in rows)
        },
        "metrics": {
            name: {
                "name": name,
                "options": {},
                "version": (versions or {}).get(name, "1"),
                "provenance": {},
                "shown": SHOWN.get(name, {"label": name}),
            }
            for name in metrics
        },
        "sessions": [{"started": "2026-01-01T00:00:00+00:00", "config": {}, **session}],
    }


def store(folder: Path, rows: Sequence[Row], **about: Any) -> Path:
    """The rows as a run in ``folder``."""
    with Store(folder) as stored:
        stored.write_manifest(manifest(rows, **about))
        for one in rows:
            stored.append(one)
    return folder
