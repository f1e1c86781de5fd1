"""``bench card WEIGHTS RUN ...``: a weights file's model card, with the scores that stored runs hold of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.leaderboard import find_run, options
from bench.merge import Stored, merge, read
from bench.model_card import model_card
from methods.weights import System as Weights
from methods.weights import load
from results.analysis import Analysis, analyse
from results.files import replacing
from results.versions import separate

CONTROL = "noisy"


def card(weights: str, runs: Sequence[str], config: Mapping[str, Any]) -> Path:
    """Write the card beside ``weights`` and return its path.

    Args:
        weights: a ``.safetensors`` file that ``bench train`` left.
        runs: names or folders; every method in them that used this very file is in the card.
        config: the composed keys of ``conf/card.yaml``.

    Raises:
        UserError: the file says nothing of its training, or a run did not use it.
    """
    path = Path(weights).expanduser()
    if path.suffix != ".safetensors" or not path.is_file():
        raise UserError(f"{weights}: not a .safetensors file; `bench train` leaves one, and bench card makes its card")
    system = load(path)
    if "command" not in system.training:
        raise UserError(f"{weights}: says nothing of a training, from which a card could be made")
    stored = read([find_run(run, Path(str(config["runs_dir"])).expanduser()) for run in runs]) if runs else []
    text = model_card(system, path.stat().st_size)
    if stored:
        text += scores(system, weights, stored, config)
    if config["note"]:
        text += f"\n{str(config['note']).strip()}\n"
    written = path.with_suffix(".md")
    with replacing(written) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return written


def scores(system: Weights, weights: str, runs: Sequence[Stored], config: Mapping[str, Any]) -> str:
    """The section of scores: a table per dataset, of the methods that used these weights."""
    labels = [_labels(run, system, weights) for run in runs]
    merged = merge(runs)
    rows, metrics = separate(merged.rows, merged.metrics)
    analyses = analyse(rows, metrics, options(config))
    lines = ["", "## Scores", ""]
    for analysis in analyses:
        lines += _table(analysis, {label for of_run in labels for label in of_run})
    return "\n".join(lines)


def _labels(run: Stored, system: Weights, weights: str) -> list[str]:
    """What the methods that used this file are called in ``run``."""
    used = {label: method["provenance"].get("weights_sha256") for label, method in run.manifest["methods"].items()}
    labels = [label for label, sha256 in used.items() if sha256 == system.sha256]
    if not labels:
        raise UserError(f"run {run.name}: no method in it used {weights} (sha256 {system.sha256[:16]})")
    return labels


def _table(analysis: Analysis, labels: set[str]) -> list[str]:
    """A line for each method and number of steps; empty where the dataset was not enhanced with these weights."""
    systems = analysis.panel.systems
    own = [number for number, system in enumerate(systems) if system.method in labels]
    if not own:
        return []
    control = next((number for number, system in enumerate(systems) if system.method == CONTROL), None)
    names = analysis.shown
    heads = [
        f"{info.label}{f' in {info.unit}' if info.unit else ''}" for info in map(analysis.metrics.get, names) if info
    ]
    table = [["", "NFE", *heads], [":--", "--:", *["--:"] * len(names)]]
    if control is not None:
        table.append([CONTROL, "0", *(_mean(analysis, control, name) for name in names)])
    for number in own:
        nfe = f"{analysis.summaries[number].nfe:.0f}"
        table.append([systems[number].label, nfe, *(_cell(analysis, number, control, name) for name in names)])
    confidence = f"{100 * analysis.options.confidence:g} %"
    gain = f" (difference from `{CONTROL}` [{confidence} interval over {analysis.units}, paired])"
    return [
        f"{analysis.panel.dataset}, {analysis.size}: mean{gain if control is not None else ''}.",
        "",
        *(f"| {' | '.join(row)} |" for row in table),
        "",
    ]


def _mean(analysis: Analysis, number: int, name: str) -> str:
    """A mean, with its n where that is not all recordings."""
    summary, clips = analysis.summaries[number].metrics[name], len(analysis.panel.clips)
    if math.isnan(summary.mean):
        return ""
    return analysis.metrics[name].format(summary.mean) + (f", n = {summary.n}" if summary.n < clips else "")


def _cell(analysis: Analysis, number: int, control: int | None, name: str) -> str:
    """The mean, and what it differs by from the control's on the same recordings."""
    mean, info = _mean(analysis, number, name), analysis.metrics[name]
    for pair in analysis.comparisons[name] if mean and control is not None else ():
        if {pair.first, pair.second} == {number, control} and pair.n:
            sign = 1 if pair.first == number else -1
            low, high = sorted((sign * pair.low, sign * pair.high))
            return f"{mean} ({_signed(info.format(sign * pair.difference))} [{info.format(low)}, {info.format(high)}])"
    return mean


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"
