"""Plots of a run: each metric by method, and each metric against the number of network calls.

One figure per dataset, one panel per metric, methods coloured by paradigm. What is drawn are
utterances (a clip's seeds averaged first); means carry 95 % percentile-bootstrap intervals over
utterances. No figure window and no global matplotlib state is involved.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from results.files import replacing, safe_name
from results.info import PARADIGMS, MetricInfo, complete
from results.rows import Row
from results.statistics import clip_scores, grouped

COLOURS = {
    "control": "#7F7F7F",
    "external": "#000000",
    "predictive": "#0072B2",
    "generative": "#E69F00",
    "refinement": "#009E73",
    "regeneration": "#D55E00",
}
"""Okabe and Ito's colours, told apart with any colour vision; other paradigms take the two left over."""

FORMATS = ("png", "pdf")
_OTHER_COLOURS = ("#CC79A7", "#56B4E9")
_INTERVAL: dict[str, Any] = {"errorbar": ("ci", 95), "n_boot": 1000, "seed": 0}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_BOX_NOTE = (
    "box: quartiles; whiskers: 5 to 95 %; dotted: mean of the control\ndiamond and number: mean, with 95 % interval"
)
_LEVELS = ((0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))


def write_plots(rows: Iterable[Row], folder: Path, metrics: Mapping[str, MetricInfo] | None = None) -> list[Path]:
    """Draw every dataset into ``folder`` as PNG and PDF; returns the files written.

    ``scores_<dataset>`` shows each metric by method, ``nfe_<dataset>`` each metric against network
    calls. A metric without any value has no panel; a figure without panels is not written.
    """
    rows = list(rows)
    known = complete(metrics, rows)
    written = []
    for dataset in sorted({row.key.dataset for row in rows}):
        clips = clip_frame((row for row in rows if row.key.dataset == dataset), known)
        for name, draw in (("scores", scores_by_method), ("nfe", scores_by_nfe)):
            figure = draw(clips, known, title=dataset)
            if figure is not None:
                written += [_save(figure, folder / f"{name}_{safe_name(dataset)}.{kind}") for kind in FORMATS]
    return written


def clip_frame(rows: Iterable[Row], metrics: Iterable[str]) -> pd.DataFrame:
    """What is drawn, in tables' order: ``method, steps, paradigm, nfe, metric, utterance, value``.

    ``nfe`` is the mean over the method's rows, NaN where no calls were counted.
    """
    metrics = list(metrics)
    records = []
    for group in grouped(rows):
        calls = [row.nfe for row in group if row.status == "ok" and row.nfe is not None]
        common = {
            "method": group[0].key.method,
            "steps": group[0].key.steps,
            "paradigm": group[0].paradigm,
            "nfe": np.mean(calls) if calls else math.nan,
        }
        records += [
            {**common, "metric": metric, "utterance": utterance, "value": score.value}
            for metric in metrics
            for utterance, score in clip_scores(group, metric).items()
            if score.value is not None
        ]
    return pd.DataFrame(records, columns=["method", "steps", "paradigm", "nfe", "metric", "utterance", "value"])


def scores_by_method(clips: pd.DataFrame, metrics: Mapping[str, MetricInfo], title: str = "") -> Figure | None:
    """Every utterance, its quartiles, and the mean with its interval; a line per method and steps.

    The dotted line is the mean of the unprocessed recordings, where they were scored.

    Args:
        clips: one dataset's ``clip_frame``.

    Returns:
        None if there is nothing to draw.
    """
    shown = _shown(clips, metrics)
    if not shown:
        return None
    clips = clips.assign(label=[_label(*pair) for pair in zip(clips["method"], clips["steps"], strict=True)])
    labels = list(dict.fromkeys(clips["label"]))
    paradigm = dict(zip(clips["label"], clips["paradigm"], strict=True))
    colours = _colours(paradigm.values())
    palette = {label: colours[paradigm[label]] for label in labels}
    with _style():
        figure, panels = _panels(len(shown), width=2.9, height=0.6 + 0.32 * len(labels), share_y=True)
        for ax, name in zip(panels, shown, strict=True):
            part = clips[clips["metric"] == name]
            for level in part[part["paradigm"] == "control"].groupby("method")["value"].mean():
                ax.axvline(level, color=COLOURS["control"], linestyle=":", linewidth=1, zorder=1)
            _draw_distribution(ax, part, labels, palette)
            _print_means(ax, part, labels, metrics[name])
            ax.set(xlabel=_axis(metrics[name]), ylabel="", ylim=(len(labels) - 0.5, -0.5))
        handles = [Line2D([], [], color=colour, marker="s", linestyle="", label=p) for p, colour in colours.items()]
        _finish(figure, clips, title, handles, _BOX_NOTE)
    return figure


def _draw_distribution(ax: Axes, part: pd.DataFrame, labels: Sequence[str], palette: Mapping[str, str]) -> None:
    lines = {"x": part["value"], "y": part["label"], "order": labels, "ax": ax, "legend": False}
    sns.boxplot(
        **lines,
        hue=part["label"],
        palette={label: _tint(colour) for label, colour in palette.items()},
        saturation=1,
        width=0.6,
        whis=(5, 95),
        showcaps=False,
        showfliers=False,
        linewidth=0.8,
    )
    per_line = max(1.0, len(part) / len(labels))
    jitter = np.random.default_rng(0).uniform(-0.24, 0.24, len(part))
    ax.scatter(
        part["value"],
        part["label"].map(labels.index) + jitter,
        s=float(np.clip(400 / per_line, 1.5, 8)),
        c=part["label"].map(palette),
        alpha=float(np.clip(30 / per_line, 0.15, 0.6)),
        linewidths=0,
        zorder=2.5,
        rasterized=True,  # thousands of points as vectors would make the PDF slow to turn to
    )
    sns.pointplot(
        **lines,
        color="0.1",
        linestyle="none",
        marker="D",
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        err_kws={"linewidth": 1.6},
        zorder=3,
        **_INTERVAL,
    )


def _print_means(ax: Axes, part: pd.DataFrame, labels: Sequence[str], info: MetricInfo) -> None:
    """Each line's mean, at the panel's right edge."""
    for label, mean in part.groupby("label")["value"].mean().items():
        ax.text(
            1.15,
            labels.index(str(label)),
            info.format(mean),
            transform=ax.get_yaxis_transform(),
            ha="right",
            va="center",
            size="small",
            color="0.25",
        )


def scores_by_nfe(clips: pd.DataFrame, metrics: Mapping[str, MetricInfo], title: str = "") -> Figure | None:
    """Means with their intervals against network calls per recording: a line per method over its steps.

    Methods of one cost are single points; those that call no network (``noisy``, other people's
    files) are horizontal lines.

    Args:
        clips: one dataset's ``clip_frame``.

    Returns:
        None if no method with a value calls a network.
    """
    shown = _shown(clips[clips["nfe"] > 0], metrics)
    if not shown:
        return None
    looks = _looks(clips)
    with _style():
        figure, panels = _panels(len(shown), width=3.3, height=2.7)
        for ax, name in zip(panels, shown, strict=True):
            part = clips[clips["metric"] == name]
            _calls_axis(ax, part["nfe"])
            for method, look in looks.items():
                _draw_method(ax, part[part["method"] == method], look)
            ax.set(xlabel="network calls per recording (NFE)", ylabel=_axis(metrics[name]))
        handles = [Line2D([], [], label=_plain(method), **look) for method, look in looks.items()]
        _finish(figure, clips, title, handles, "mean, with 95 % interval; horizontal line: no network calls")
    return figure


def _looks(clips: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Each method's colour, marker and line, alike in every panel and readable without colour."""
    colours = _colours(clips["paradigm"])
    levels, markers = cycle(_LEVELS), cycle(_MARKERS)
    looks: dict[str, dict[str, Any]] = {}
    for method, part in clips.groupby("method", sort=False):
        costs = part["nfe"][part["nfe"] > 0].nunique()
        looks[str(method)] = {
            "color": colours[part["paradigm"].iloc[0]],
            "marker": next(markers) if costs else "",
            "linestyle": next(levels) if costs == 0 else "" if costs == 1 else "-",
        }
    return looks


def _draw_method(ax: Axes, part: pd.DataFrame, look: Mapping[str, Any]) -> None:
    if part.empty:
        return
    if not (part["nfe"] > 0).any():
        ax.axhline(part["value"].mean(), color=look["color"], linestyle=look["linestyle"], linewidth=1.2, zorder=1)
        return
    data = {"x": part["nfe"], "y": part["value"], "ax": ax, "color": look["color"], "marker": look["marker"]}
    if look["linestyle"]:
        sns.lineplot(**data, linestyle=look["linestyle"], markersize=5, zorder=3, **_INTERVAL)
    else:
        sns.pointplot(**data, linestyle="none", markersize=6, linewidth=1.5, native_scale=True, zorder=4, **_INTERVAL)


def _calls_axis(ax: Axes, nfe: pd.Series) -> None:
    """A logarithmic axis that says 1, 2, 5, 10, 20, ..., or the very calls where those are too few."""
    calls = nfe[nfe > 0]
    low, high = calls.min() / 1.25, calls.max() * 1.25
    ticks = [lead * 10**power for power in range(7) for lead in (1, 2, 5) if low <= lead * 10**power <= high]
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator(ticks if len(ticks) > 1 else sorted(calls.unique())))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _shown(clips: pd.DataFrame, metrics: Mapping[str, MetricInfo]) -> list[str]:
    found = set(clips["metric"])
    return [name for name in metrics if name in found]


def _colours(paradigms: Iterable[str]) -> dict[str, str]:
    """The colours of the paradigms at hand, in tables' order."""
    present = list(dict.fromkeys(paradigms))
    others = dict(zip([p for p in present if p not in COLOURS], cycle(_OTHER_COLOURS), strict=False))
    return {p: {**COLOURS, **others}[p] for p in sorted(present, key=[*PARADIGMS, *others].index)}


def _label(method: str, steps: float | None) -> str:
    return _plain(method) if pd.isna(steps) else f"{_plain(method)}, N = {steps:g}"


def _plain(name: str) -> str:
    """A user's name as drawn: ``$`` starts no formula, and a long one takes several lines."""
    return textwrap.fill(name.replace("$", r"\$"), 28)


def _axis(info: MetricInfo) -> str:
    unit = f" ({info.unit})" if info.unit else ""
    return f"{info.label}{unit} {'↑' if info.higher_is_better else '↓'}"


def _style() -> ExitStack:
    """Seaborn's style and fonts that stay text in PDF, for as long as the figure is drawn."""
    stack = ExitStack()
    stack.enter_context(sns.plotting_context("paper"))
    stack.enter_context(sns.axes_style("whitegrid", {"axes.edgecolor": "0.6", "grid.color": "0.92"}))
    stack.enter_context(mpl.rc_context({"pdf.fonttype": 42, "axes.spines.top": False, "axes.spines.right": False}))
    return stack


def _panels(count: int, width: float, height: float, *, share_y: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, at most four side by side, ``width`` × ``height`` inches each."""
    rows = math.ceil(count / 4)
    columns = math.ceil(count / rows)
    size = (max(width * columns, 4.2) + 0.6, height * rows + 0.9)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06), dpi=200)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharey=share_y, squeeze=False).flatten()
    for ax in grid[count:]:
        ax.remove()
    return figure, list(grid[:count])


def _finish(figure: Figure, clips: pd.DataFrame, title: str, handles: Sequence[Line2D], note: str) -> None:
    """Title, legend, and a note on what the marks mean."""
    count = clips["utterance"].nunique()
    recordings = f"{count} recording{'s' * (count != 1)}"
    figure.suptitle(f"{_plain(title)}: {recordings}" if title else recordings, fontsize="large")
    widest = max(len(str(handle.get_label())) for handle in handles)
    columns = max(1, min(len(handles), int(figure.get_figwidth() / (0.5 + 0.08 * widest))))
    figure.set_figheight(figure.get_figheight() + 0.2 * math.ceil(len(handles) / columns))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        title=note,
        title_fontsize="small",
    )


def _tint(colour: str) -> tuple[float, ...]:
    """``colour`` mixed with three parts of white."""
    return tuple(0.75 + 0.25 * part for part in to_rgb(colour))


def _save(figure: Figure, path: Path) -> Path:
    # No creation date, so that the same rows give the same bytes.
    metadata = {"CreationDate": None} if path.suffix == ".pdf" else None
    with replacing(path) as temporary:
        figure.savefig(temporary, metadata=metadata)
    return path
