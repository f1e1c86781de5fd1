"""The leaderboard on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from results.statistics.analysis import Analysis
from results.store.info import MetricInfo
from results.views.cells import TableCell, costs, legend, lines, missing


def render(
    analyses: Iterable[Analysis],
    remarks: Sequence[Sequence[str]] | None = None,
    notes: Sequence[str] = (),
    console: Console | None = None,
) -> None:
    """Print a table per dataset; metrics that do not fit the width go into further tables.

    The best mean of each metric is bold (starred if the terminal shows no styles), and those tied with it are marked.
    A mean over fewer recordings than the line's is printed with its n.

    Args:
        remarks: for each dataset, printed below its tables.
        notes: on all datasets.
    """
    console = console or Console()
    analyses = list(analyses)
    if not analyses:
        console.print("no results yet")
    for analysis, of_dataset in zip(analyses, remarks or [()] * len(analyses), strict=True):
        _Page(analysis, console).print(of_dataset)
    for note in notes:
        console.print(Text(note, "yellow"))


class _Page:
    """One dataset's tables."""

    def __init__(self, analysis: Analysis, console: Console) -> None:
        self.analysis = analysis
        self.console = console
        self.ascii = console.options.ascii_only
        self.styled = console.color_system is not None
        self.tie = "~" if self.ascii else "≈"
        self.lines = lines(analysis)

    def print(self, remarks: Sequence[str]) -> None:
        self.console.print(Text(self.analysis.panel.dataset, "bold").append(f"   {self._size()}", "not bold"))
        for table in self._tables():
            self.console.print(table)
            self.console.print()
        notes = [*legend(self.analysis, "bold" if self.styled else "*", self.tie), *missing(self.analysis)]
        self.console.print(Text("\n".join(notes), "dim"))
        for remark in remarks:
            self.console.print(Text(remark, "yellow"))
        self.console.print()

    def _size(self) -> str:
        seeds = max(summary.seeds for summary in self.analysis.summaries)
        return self.analysis.size + (f", {seeds} seeds" if seeds > 1 else "")

    def _tables(self) -> Iterator[Table]:
        """As few tables as the width allows, at least one metric each; the last one has n, NFE and costs."""
        left, closed = self.analysis.shown, False
        while left:
            count = next((n for n in range(len(left), 0, -1) if self._fits(left[:n], closing=n == len(left))), 0)
            closed = count == len(left)
            yield self._table(left[: count or 1], closing=closed)
            left = left[count or 1 :]
        if not closed:
            yield self._table([], closing=True)

    def _fits(self, names: Sequence[str], *, closing: bool) -> bool:
        unbounded = self.console.options.update(max_width=10_000)
        return (
            self.console.measure(self._table(names, closing=closing), options=unbounded).maximum <= self.console.width
        )

    def _table(self, names: Sequence[str], *, closing: bool) -> Table:
        """Methods against the metrics ``names``; the closing table also has n, NFE, costs and failures."""
        table = Table(box=box.ASCII if self.ascii else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        columns: list[list[Text]] = []

        def add(header: str | Text, cells: Iterable[str | Text]) -> None:
            table.add_column(Text(header) if isinstance(header, str) else header, justify="right", no_wrap=True)
            columns.append([Text(cell) if isinstance(cell, str) else cell for cell in cells])

        add("method", (line.method for line in self.lines))
        table.columns[0].justify, table.columns[0].no_wrap, table.columns[0].max_width = "left", False, 24
        table.columns[0].overflow = "fold"
        if any(line.steps for line in self.lines):
            add("N", (line.steps for line in self.lines))
        for name in names:
            cells = (line.cells[name] for line in self.lines)
            add(self._header(self.analysis.metrics[name]), (self._text(cell) for cell in cells))
        if closing:
            add("n", (str(line.n) for line in self.lines))
            add("NFE", (line.nfe for line in self.lines))
            for head, prices in costs(self.lines).items():
                add(head, ("-" if price == "–" and self.ascii else price for price in prices))
            if any(line.failed for line in self.lines):
                add("failed", (Text(str(line.failed or ""), "red") for line in self.lines))
        for row in zip(*columns, strict=True):
            table.add_row(*row)
        return table

    def _header(self, info: MetricInfo) -> Text:
        arrow = {"↑": "^", "↓": "v"}.get(info.arrow, "") if self.ascii else info.arrow
        header = Text(f"{info.label} {arrow}".rstrip())
        return header.append(f"\n{info.unit}", "dim") if info.unit else header

    def _text(self, cell: TableCell) -> Text:
        if not cell.mean:
            return Text("-", "dim")
        best = cell.standing == "best"
        text = Text(self.tie if cell.standing == "tied" else "*" if best and not self.styled else "")
        text.append(cell.mean, "bold" if best else None)
        if cell.interval:
            text.append(f" {cell.interval}", "dim")
        if cell.n is not None:
            text.append(f" n={cell.n}", "yellow")
        return text
