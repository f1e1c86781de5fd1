"""Markdown and LaTeX: best in bold, ties marked, n shown, and no user's name is markup."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.core.types import Score
from results.statistics.analysis import Analysis, Options, analyse
from results.views.typeset import latex, markdown, write_tables
from tests.results.conftest import METRICS, make_row

SPECIAL = r"a_b & 50 % #1 $x$ {y} ~ ^ \z [w] <v> |u|"


def analyses(method: str = "ours") -> list[Analysis]:
    """``ours`` is best, ``tie`` not told from it, ``worse`` is; one score of that is missing."""
    rows = [
        make_row(
            str(clip),
            method=name,
            paradigm="predictive",
            steps=steps,
            nfe=steps,
            pesq=2 + clip + gain * (-1) ** clip - loss,
        )
        for name, steps, gain, loss in ((method, 5, -0.1, 0), ("tie", None, 0.1, 0.01), ("worse", 5, 0, 1))
        for clip in range(12)
    ]
    rows[-1] = make_row(
        "11", method="worse", paradigm="predictive", steps=5, pesq=Score.missing("error", "crash"), lsd=-1.0
    )
    return analyse(rows, METRICS, Options(resamples=1000))


def test_markdown_by_eye() -> None:
    lines = markdown(analyses(), [["mind this"]]).splitlines()
    assert lines[0] == "## demo: 12 recordings"
    assert lines[2] == "| method | N | PESQ (MOS) ↑ | LSD (dB) ↓ | n | NFE | RTF | failed |"
    cells = {line.split(" | ")[0].removeprefix("| "): line.strip("| ").split(" | ") for line in lines[4:7]}
    assert cells["ours"][1] == "5" and re.fullmatch(r"\*\*7\.50\*\* \[.*\]", cells["ours"][2])
    assert re.fullmatch(r"≈7\.49 \[.*\]", cells["tie"][2])
    assert re.fullmatch(r"6\.00 \[.*\]", cells["worse"][2])
    assert [cells["ours"][4], cells["worse"][4]] == ["12", "11"]
    assert cells["ours"][3] == "–" and cells["worse"][3] == "**-1.0** [too few] (n=1)"
    assert "- PESQ: 11 of 12, missing 1 error (crash): worse, N=5" in lines
    assert lines[-1] == "- mind this"


def test_every_line_of_a_table_has_as_many_cells() -> None:
    table = [line for line in markdown(analyses(SPECIAL), [[]]).splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    rows = [line for line in latex(analyses(SPECIAL), [[]]).splitlines() if line.endswith(r"\\")]
    assert len({len(re.findall(r"(?<!\\)&", line)) for line in rows}) == 1
    assert len(rows) == 4


def test_latex_by_eye() -> None:
    text = latex(analyses(), [["50 % more"]])
    assert r"ours & 5 & \textbf{7.50} {\scriptsize {[}" in text
    assert r"$\approx$7.49" in text
    assert r"\textbf{$-$1.0} {\scriptsize {[}too few{]}} ($n=1$)" in text
    assert r"50 \% more." in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2


def test_what_latex_reads_as_commands_is_escaped() -> None:
    text = latex(analyses(SPECIAL), [[]])
    assert r"a\_b \& 50 \% \#1 \$x\$ \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}z {[}w{]}" in text
    assert not re.search(r"[↑↓≈±]", text)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(tmp_path: Path) -> None:
    body = latex(analyses(SPECIAL), [[]])
    (tmp_path / "t.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs}\\begin{document}" + body + "\\end{document}", encoding="utf-8"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def test_files_are_written_also_of_nothing(tmp_path: Path) -> None:
    assert [path.name for path in write_tables(analyses(), tmp_path)] == ["leaderboard.md", "leaderboard.tex"]
    write_tables([], tmp_path / "empty")
    assert (tmp_path / "empty" / "leaderboard.md").read_text() == ""
