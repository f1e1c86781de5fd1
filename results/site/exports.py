"""A submission's results for other programs: Every Eval Ever's schema, and Hugging Face's ``.eval_results``.

Every Eval Ever: https://github.com/evaleval/every_eval_ever; ``every-eval-ever`` (Python 3.12) validates the
records. Hugging Face's format: https://huggingface.co/docs/hub/eval-results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from results.site.ranking import Entry, Ranking, Task
from results.store.merge import Stored

SCHEMA_VERSION = "0.3.0"
"""Of Every Eval Ever's schema of aggregate results, to which the records keep."""


def every_eval_ever(entry: Entry, run: Stored, ranking: Ranking, version: str) -> dict[str, Any]:
    """One system's results as a record of Every Eval Ever's schema."""
    session = run.manifest["sessions"][-1] if run.manifest["sessions"] else {}
    when = str(session.get("ended") or session.get("started") or "unknown")
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"sebench/{entry.label}/{when}",
        "evaluation_timestamp": when,
        "retrieved_timestamp": when,
        "source_metadata": {
            "source_name": run.folder.name,
            "source_type": "evaluation_run",
            "source_organization_name": run.folder.name,
            "evaluator_relationship": "first_party",
        },
        "eval_library": {"name": "sebench", "version": version},
        "model_info": {
            "name": entry.label,
            "id": f"{run.folder.name}/{entry.label}",
            "additional_details": {
                **{"deployment_type": "self_deployed", "model_availability": "unknown"},
                **{"paradigm": entry.paradigm},
            },
        },
        "evaluation_results": [_result(task, entry, run, ranking) for task in ranking.tasks if task in entry.scores],
    }


def _result(task: Task, entry: Entry, run: Stored, ranking: Ranking) -> dict[str, Any]:
    info, score = ranking.metrics[task.metric], entry.scores[task]
    dataset = run.manifest["datasets"].get(task.dataset, {})
    uncertainty: dict[str, Any] = {"num_samples": score.n}
    if score.sd == score.sd:
        uncertainty["standard_deviation"] = score.sd
    if score.low == score.low:
        method = "bootstrap over independent units"
        uncertainty["confidence_interval"] = {"lower": score.low, "upper": score.high, "method": method}
    return {
        "evaluation_name": f"{task.dataset}: {info.label}",
        "source_data": {
            "dataset_name": task.dataset,
            "source_type": "other",
            "additional_details": {"fingerprint": str(dataset.get("fingerprint", ""))},
        },
        "metric_config": {
            **{"metric_id": f"sebench.{task.metric}", "metric_name": info.label, "metric_unit": info.unit or "points"},
            "lower_is_better": not info.higher_is_better,
            "score_type": "continuous",
            "min_score": "-Infinity" if info.low is None else info.low,
            "max_score": "Infinity" if info.high is None else info.high,
            "metric_parameters": {"version": info.version},
        },
        "score_details": {"score": score.mean, "uncertainty": uncertainty},
    }


def eval_results(entry: Entry, run: Stored, ranking: Ranking, hub: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    """One system's results as entries of ``.eval_results/NAME.yaml`` in a model's repository on the Hub.

    Args:
        hub: by dataset, its name on the Hub (``organisation/name``); a dataset without has its label.
    """
    session = run.manifest["sessions"][-1] if run.manifest["sessions"] else {}
    when = session.get("ended") or session.get("started")
    return [
        {
            "dataset": {"id": hub.get(task.dataset, task.dataset), "task_id": task.metric},
            "value": round(score.mean, 6),
            **({"date": str(when)} if when else {}),
            "notes": f"{ranking.metrics[task.metric].version}; n = {score.n}",
        }
        for task, score in entry.scores.items()
    ]
