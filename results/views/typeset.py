"""The leaderboard in Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.core.files import replacing
from results.statistics.analysis import Analysis
from results.views import markup
from results.views.cells import TableCell, costs, legend, lines, missing


def write_tables(
    analyses: Iterable[Analysis],
    folder: Path,
    remarks: Sequence[Sequence[str]] | None = None,
    notes: Sequence[str] = (),
) -> list[Path]:
    """Write ``leaderboard.md`` and ``leaderboard.tex`` to ``folder``.

    Args:
        remarks: for each dataset, written below its table.
        notes: on all datasets.
    """
    analyses = list(analyses)
    remarks = [[*of_dataset, *notes] for of_dataset in remarks or [()] * len(analyses)]
    written = []
    tables = {"leaderboard.md": markdown(analyses, remarks), "leaderboard.tex": latex(analyses, remarks)}
    for name, text in tables.items():
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        written.append(folder / name)
    return written


def markdown(analyses: Sequence[Analysis], remarks: Sequence[Sequence[str]]) -> str:
    """A heading, a table and notes per dataset: best in bold, ties marked ``≈``, n in a column."""
    parts = []
    for analysis, of_dataset in zip(analyses, remarks, strict=True):
        header, rows = _grid(analysis)
        table = [list(map(_markdown, line)) for line in (header, *rows)]
        table.insert(1, [":--", *["--:"] * (len(header) - 1)])
        notes = [markup.markdown(note) for note in [*legend(analysis, "bold", "≈"), *missing(analysis), *of_dataset]]
        parts += [f"## {markup.markdown(analysis.panel.dataset)}: {markup.markdown(analysis.size)}", ""]
        parts += [f"| {' | '.join(row)} |" for row in table]
        parts += ["", *(f"- {note}" for note in notes), ""]
    return "\n".join(parts)


def latex(analyses: Sequence[Analysis], remarks: Sequence[Sequence[str]]) -> str:
    """A ``table`` per dataset, for the package booktabs: best in bold, ties marked, n in a column."""
    parts = ["% \\usepackage{booktabs}", ""]
    for analysis, of_dataset in zip(analyses, remarks, strict=True):
        header, rows = _grid(analysis)
        heads, *table = (" & ".join(map(_latex, line)) for line in (header, *rows))
        notes = [markup.latex(note) for note in [*legend(analysis, "bold", "≈"), *missing(analysis), *of_dataset]]
        parts += [
            *("\\begin{table}", "  \\centering"),
            f"  \\caption{{{markup.latex(f'{analysis.panel.dataset}: {analysis.size}')}}}",
            f"  \\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
            *("    \\toprule", f"    {heads} \\\\", "    \\midrule"),
            *(f"    {line} \\\\" for line in table),
            *("    \\bottomrule", "  \\end{tabular}", ""),
            f"  \\footnotesize {'. '.join(notes)}.",
            *("\\end{table}", ""),
        ]
    return "\n".join(parts)


def _grid(analysis: Analysis) -> tuple[list[str | TableCell], list[list[str | TableCell]]]:
    """The header, and the content of each line."""
    rows, names = lines(analysis), analysis.shown
    steps, failed = any(row.steps for row in rows), any(row.failed for row in rows)
    heads = (analysis.metrics[name].heading for name in names)
    priced = costs(rows)
    return ["method", *["N"] * steps, *heads, "n", "NFE", *priced, *["failed"] * failed], [
        [
            *(row.method, *[row.steps] * steps),
            *(row.cells[name] for name in names),
            *(str(row.n), row.nfe, *(cells[number] for cells in priced.values())),
            *[str(row.failed or "")] * failed,
        ]
        for number, row in enumerate(rows)
    ]


def _markdown(content: str | TableCell) -> str:
    return _markdown_cell(content) if isinstance(content, TableCell) else markup.markdown(content)


def _latex(content: str | TableCell) -> str:
    return _latex_cell(content) if isinstance(content, TableCell) else markup.latex(content)


def _markdown_cell(cell: TableCell) -> str:
    if not cell.mean:
        return "–"
    mean = f"**{cell.mean}**" if cell.standing == "best" else f"≈{cell.mean}" if cell.standing == "tied" else cell.mean
    return " ".join(filter(None, [mean, cell.interval, "" if cell.n is None else f"(n={cell.n})"]))


def _latex_cell(cell: TableCell) -> str:
    if not cell.mean:
        return "--"
    mean = markup.latex(cell.mean)
    mean = {"best": f"\\textbf{{{mean}}}", "tied": f"$\\approx${mean}", "": mean}[cell.standing]
    interval = f"{{\\scriptsize {markup.latex(cell.interval)}}}" if cell.interval else ""
    return " ".join(filter(None, [mean, interval, "" if cell.n is None else f"($n={cell.n}$)"]))
