"""The leaderboard: a row per method, dataset and number of steps; as a table, a file and on the terminal."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from results.files import replacing
from results.info import MetricInfo, complete
from results.rows import Row
from results.statistics import Summary, summarise

Record = Mapping[Hashable, Any]


def leaderboard(rows: Iterable[Row], metrics: Mapping[str, MetricInfo] | None = None) -> pd.DataFrame:
    """One line per (dataset, method, steps), by dataset, paradigm, method and steps.

    Args:
        metrics: their columns come first and in this order, even where no row was scored; metrics
            that only the rows know follow.

    Returns:
        Columns ``dataset, method, steps, paradigm, utterances, seeds``; for every metric
        ``<metric>_mean, <metric>_sd, <metric>_n, <metric>_missing`` (over utterances, a clip's
        seeds averaged first, ``ddof=1``; n + missing = utterances); ``nfe, nfe_varies, rtf, failed``
        as in ``Summary``.
    """
    rows = list(rows)
    names = list(complete(metrics, rows))
    columns = [
        *("dataset", "method", "steps", "paradigm", "utterances", "seeds"),
        *(f"{name}_{part}" for name in names for part in ("mean", "sd", "n", "missing")),
        *("nfe", "nfe_varies", "rtf", "failed"),
    ]
    frame = pd.DataFrame([_record(summary) for summary in summarise(rows, names)], columns=columns)
    return frame.astype({"steps": "Int64"})


def _record(summary: Summary) -> dict[str, Any]:
    record = {name: value for name, value in vars(summary).items() if name != "metrics"}
    for name, metric in summary.metrics.items():
        record[f"{name}_mean"] = metric.mean
        record[f"{name}_sd"] = metric.sd
        record[f"{name}_n"] = metric.n
        record[f"{name}_missing"] = sum(metric.missing.values())
    return record


def write_csv(frame: pd.DataFrame, folder: Path) -> Path:
    """``leaderboard.csv`` in ``folder``, six significant digits."""
    path = folder / "leaderboard.csv"
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.6g", errors="backslashreplace")
    return path


def render(
    frame: pd.DataFrame, metrics: Mapping[str, MetricInfo] | None = None, console: Console | None = None
) -> None:
    """Print ``frame``, a table per dataset; metrics that do not fit the width go into further tables.

    The best mean of each metric is bold (starred where the terminal shows no styles). Means over
    fewer utterances than another row's are printed with their n and are never the best: whoever
    fails on the hard recordings does not win by it.
    """
    console = console or Console()
    names = [column.removesuffix("_mean") for column in frame.columns if column.endswith("_mean")]
    known = {name: (metrics or {}).get(name, MetricInfo(name)) for name in names}
    if frame.empty:
        console.print("no results yet")
    for dataset, part in frame.groupby("dataset", sort=False):
        _Page(str(dataset), part.to_dict("records"), known, console).print()


class _Page:
    """One dataset's tables."""

    def __init__(
        self, dataset: str, records: Sequence[Record], metrics: Mapping[str, MetricInfo], console: Console
    ) -> None:
        self.dataset = dataset
        self.records = records
        self.console = console
        self.ascii = console.options.ascii_only
        self.styled = console.color_system is not None
        self.metrics = {name: info for name, info in metrics.items() if any(row[f"{name}_n"] for row in records)}
        self.absent = [info.label for name, info in metrics.items() if name not in self.metrics]

    def print(self) -> None:
        self.console.print(Text(self.dataset, "bold").append(f"   {self._size()}", "not bold"))
        for table in self._tables():
            self.console.print(table)
            self.console.print()
        self.console.print(Text(self._legend(), "dim"))
        self.console.print()

    def _size(self) -> str:
        utterances = max(row["utterances"] for row in self.records)
        seeds = max(row["seeds"] for row in self.records)
        return f"{utterances} recording{'s' * (utterances > 1)}" + (f", {seeds} seeds" if seeds > 1 else "")

    def _legend(self) -> str:
        sign = "+/-" if self.ascii else "±"
        best = "bold" if self.styled else "*"
        lines = [f"mean {sign} standard deviation over n recordings; {best}: best mean over all of them"]
        if any(row["failed"] for row in self.records):
            lines.append("failed: rows whose enhancement or a score ended in an error; rows.jsonl says why")
        if self.absent:
            lines.append(f"without any value: {', '.join(self.absent)}")
        return "\n".join(lines)

    def _tables(self) -> Iterator[Table]:
        """As few tables as the width allows, at least one metric each; the last one closes the page."""
        left, closed = list(self.metrics), False
        while left:
            count = next((n for n in range(len(left), 0, -1) if self._fits(left[:n], closing=n == len(left))), 0)
            closed = count == len(left)
            yield self._table(left[: count or 1], closing=closed)
            left = left[count or 1 :]
        if not closed:
            yield self._table([], closing=True)

    def _fits(self, shown: Sequence[str], *, closing: bool) -> bool:
        unbounded = self.console.options.update(max_width=10_000)
        return (
            self.console.measure(self._table(shown, closing=closing), options=unbounded).maximum <= self.console.width
        )

    def _table(self, shown: Sequence[str], *, closing: bool) -> Table:
        """Methods against the metrics ``shown``; the closing one also says n, NFE, RTF and failures."""
        table = Table(box=box.ASCII if self.ascii else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        columns: list[list[Text]] = []

        def add(header: str | Text, cells: Iterable[str | Text]) -> None:
            table.add_column(Text(header) if isinstance(header, str) else header, justify="right", no_wrap=True)
            columns.append([Text(cell) if isinstance(cell, str) else cell for cell in cells])

        add("method", (str(row["method"]) for row in self.records))
        table.columns[0].justify, table.columns[0].no_wrap, table.columns[0].max_width = "left", False, 24
        table.columns[0].overflow = "fold"
        if any(not pd.isna(row["steps"]) for row in self.records):
            add("N", ("" if pd.isna(row["steps"]) else str(row["steps"]) for row in self.records))
        for name in shown:
            add(self._header(self.metrics[name]), self._cells(name))
        if closing:
            add("n", (str(self._n(row)) for row in self.records))
            add("NFE", (_nfe(row["nfe"], varies=row["nfe_varies"]) for row in self.records))
            add("RTF", (_rtf(row["rtf"]) for row in self.records))
            if any(row["failed"] for row in self.records):
                add("failed", (Text(str(row["failed"] or ""), "red") for row in self.records))
        for cells in zip(*columns, strict=True):
            table.add_row(*cells)
        return table

    def _header(self, info: MetricInfo) -> Text:
        up, down = "^v" if self.ascii else "↑↓"
        header = Text(f"{info.label} {up if info.higher_is_better else down}")
        return header.append(f"\n{info.unit}", "dim") if info.unit else header

    def _n(self, row: Record) -> int:
        """How many recordings the row's means are over, unless a cell says otherwise."""
        return max((int(row[f"{name}_n"]) for name in self.metrics), default=0)

    def _cells(self, name: str) -> list[Text]:
        info = self.metrics[name]
        most = max(int(row[f"{name}_n"]) for row in self.records)
        full = [row[f"{name}_mean"] for row in self.records if row[f"{name}_n"] == most]
        best = info.format(max(full) if info.higher_is_better else min(full))
        return [self._cell(row, name, best, most) for row in self.records]

    def _cell(self, row: Record, name: str, best: str, most: int) -> Text:
        info, n = self.metrics[name], int(row[f"{name}_n"])
        if n == 0:
            return Text("-", "dim")
        mean = info.format(row[f"{name}_mean"])
        is_best = n == most and mean == best
        cell = Text("*" if is_best and not self.styled else "").append(mean, "bold" if is_best else None)
        if n > 1:
            cell.append(f"{'+/-' if self.ascii else '±'}{info.format(row[f'{name}_sd'])}")
        if n != self._n(row):
            cell.append(f" n={n}", "yellow")
        return cell


def _nfe(nfe: float, *, varies: bool) -> str:
    return "" if pd.isna(nfe) else f"~{nfe:.1f}" if varies else f"{nfe:.0f}"


def _rtf(rtf: float) -> str:
    return "" if pd.isna(rtf) else f"{rtf:.3f}" if rtf < 1 else f"{rtf:.1f}"
