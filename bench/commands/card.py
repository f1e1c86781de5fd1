"""``bench card WEIGHTS RUN ...``: a weights file's model card, with the scores that stored runs hold of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.commands import settings
from bench.commands.leaderboard import options
from bench.core.errors import UserError
from bench.core.files import replacing
from bench.datasets.leaks.sources import told
from bench.train.model_card import model_card
from methods.weights import EMBEDDED, TrainedModel, load
from results.statistics.analysis import Analysis, Options, analyse
from results.store.find import find_run
from results.store.merge import Stored, merge, read
from results.views.cells import lines

CONTROL = "noisy"


def card(weights: str, runs: Sequence[str], config: Mapping[str, Any]) -> Path:
    """Write the card, beside ``weights`` if no place is named, and return its path.

    Args:
        weights: a ``.safetensors`` file that ``bench train`` left.
        runs: names or folders; every method in them that used this very file is in the card.
        config: the composed keys of ``settings.Card``.

    Raises:
        UserError: the file says nothing of its training, or a run did not use it; or the card has no place.
    """
    request = settings.Card.of(config)
    path = Path(weights).expanduser()
    if path.suffix != ".safetensors" or not path.is_file():
        raise UserError(f"{weights}: not a .safetensors file; `bench train` leaves one, and bench card makes its card")
    written = _place(path, request.out)
    model = load(path)
    if "command" not in model.training:
        raise UserError(f"{weights}: says nothing of a training, from which a card could be made")
    stored = read([find_run(run, request.runs_dir) for run in runs]) if runs else []
    text = model_card(model, path.stat().st_size, told(path))
    if stored:
        text += scores(model, weights, stored, options(request))
    if request.note:
        text += f"\n{request.note.strip()}\n"
    with replacing(written) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return written


def _place(weights: Path, out: Path | None) -> Path:
    beside = weights.with_suffix(".md")
    if out is None and weights.resolve().parent == EMBEDDED.resolve():
        raise UserError(f"{beside}: is the card of embedded weights; name another file by out=NAME.md")
    if out is not None and out.suffix != ".md":
        raise UserError(f"out={out}: name it .md, for Markdown is what is written")
    return out or beside


def scores(model: TrainedModel, weights: str, runs: Sequence[Stored], how: Options) -> str:
    """The section of scores: a table per dataset, of the methods that used these weights."""
    merged = merge(runs)
    labels = {label for run in runs for label in _labels(run, model, weights, merged.labels[run.name])}
    tables = [_table(analysis, labels) for analysis in analyse(merged.rows, merged.metrics, how)]
    return "\n".join(["", "## Scores", "", *(line for table in tables for line in table)])


def _labels(run: Stored, model: TrainedModel, weights: str, renamed: Mapping[str, str]) -> list[str]:
    """What the methods of ``run`` that used this file are called where it is merged with others."""
    used = {label: method["provenance"].get("weights_sha256") for label, method in run.manifest["methods"].items()}
    labels = [renamed.get(label, label) for label, sha256 in used.items() if sha256 == model.sha256]
    if not labels:
        raise UserError(f"run {run.name}: no method in it used {weights} (sha256 {model.sha256[:16]})")
    return labels


def _table(analysis: Analysis, labels: set[str]) -> list[str]:
    """A line for each method and number of steps; empty where the dataset was not enhanced with these weights."""
    systems, names = analysis.panel.systems, analysis.shown
    own = [number for number, system in enumerate(systems) if system.method in labels]
    if not own:
        return []
    control = next((number for number, system in enumerate(systems) if system.method == CONTROL), None)
    nfe = [line.nfe for line in lines(analysis)]
    table = [["", "NFE", *(analysis.metrics[name].heading for name in names)], [":--", "--:", *["--:"] * len(names)]]
    if control is not None:
        table.append([CONTROL, nfe[control], *(_mean(analysis, control, name) for name in names)])
    for number in own:
        cells = (_mean(analysis, number, name) + _gain(analysis, number, control, name) for name in names)
        table.append([systems[number].label, nfe[number], *cells])
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


def _gain(analysis: Analysis, number: int, control: int | None, name: str) -> str:
    """What a mean differs by from the control's on the same recordings; empty where there is no such pair."""
    for pair in analysis.comparisons[name]:
        if pair.n and {pair.first, pair.second} == {number, control}:
            sign, form = 1 if pair.first == number else -1, analysis.metrics[name].format
            low, high = sorted((sign * pair.low, sign * pair.high))
            difference = form(sign * pair.difference)
            return f" ({'' if difference.startswith('-') else '+'}{difference} [{form(low)}, {form(high)}])"
    return ""
