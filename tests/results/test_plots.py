from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.image import imread

from bench.core.types import Score
from results.plots import figures
from results.plots.figures import COLOURS
from results.plots.scores import scores_by_method, scores_by_nfe
from results.statistics.analysis import Analysis, Options, analyse
from results.store.info import MetricInfo
from results.store.rows import Row
from tests.results.conftest import METRICS, make_row

ROOT = Path(__file__).resolve().parents[2]
Build = Callable[..., list[Row]]

QUICK = Options(resamples=1000)


def write_plots(analyses: Sequence[Analysis], folder: Path) -> list[Path]:
    """Both figures of each dataset, as a run writes them; the files."""
    drawn = [
        (f"{name}_{part.panel.dataset}", draw(part))
        for part in analyses
        for name, draw in (("scores", scores_by_method), ("nfe", scores_by_nfe))
    ]
    return [path for name, figure in drawn if figure is not None for path in figures.save(figure, folder, name)]


def analysis(rows: list[Row]) -> Analysis:
    (made,) = analyse(rows, METRICS, QUICK)
    return made


def segments(ax: Axes) -> list[np.ndarray]:
    """Boxes' medians and whiskers, and intervals: ``[2, 2]`` each."""
    return [ends for drawn in ax.collections if isinstance(drawn, LineCollection) for ends in drawn.get_segments()]


def test_two_figures_per_dataset_with_something_on_them(tmp_path: Path, benchmark_rows: Build) -> None:
    rows = benchmark_rows(dataset="demo") + benchmark_rows(dataset="other")
    written = write_plots(analyse(rows, METRICS, QUICK), tmp_path / "plots")
    names = {
        f"{kind}_{data}.{form}" for kind in ("scores", "nfe") for data in ("demo", "other") for form in ("png", "pdf")
    }
    assert {path.name for path in written} == names == {path.name for path in (tmp_path / "plots").iterdir()}
    for path in written:
        if path.suffix == ".png":
            image = imread(path)[..., :3]
            assert min(image.shape[:2]) > 300
            for paradigm in ("predictive", "generative", "regeneration"):
                assert (np.abs(image - mpl.colors.to_rgb(COLOURS[paradigm])).max(-1) < 0.02).sum() > 20
        else:
            assert path.read_bytes().startswith(b"%PDF")


def test_the_same_rows_give_the_same_files(tmp_path: Path, benchmark_rows: Build) -> None:
    rows = benchmark_rows(clips=2, seeds=1)
    first = write_plots(analyse(rows, METRICS, QUICK), tmp_path / "one")
    second = write_plots(analyse(rows[::-1], METRICS, QUICK), tmp_path / "two")
    assert [a.read_bytes() for a in first] == [b.read_bytes() for b in second]


def test_what_is_drawn_are_recordings_not_seeds(benchmark_rows: Build) -> None:
    figure = scores_by_method(analysis(benchmark_rows(clips=5, seeds=3)))
    assert figure is not None
    for ax in figure.axes:
        assert [len(line.get_xdata()) for line in ax.lines if line.get_rasterized()] == [5] * 7


def test_intervals_are_the_leaderboards(benchmark_rows: Build) -> None:
    made = analysis(benchmark_rows())
    figure = scores_by_method(made)
    assert figure is not None
    drawn = {tuple(np.round(ends[:, 0], 6)) for ends in segments(figure.axes[0])}
    for summary in made.summaries:
        pesq = summary.metrics["pesq"]
        assert tuple(np.round((pesq.low, pesq.high), 6)) in drawn


def test_lines_points_and_levels(benchmark_rows: Build) -> None:
    """Methods with steps are lines over their counted calls, one pass is a point, no calls a level."""
    figure = scores_by_nfe(analysis(benchmark_rows()))
    assert figure is not None
    ax = figure.axes[0]
    assert ax.get_xscale() == "log"
    calls = [tuple(np.round(np.asarray(line.get_xdata(), float), 6)) for line in ax.lines]
    assert {(10.0, 60.0), (11.0, 61.0), (1.0,)} <= set(calls)
    assert calls.count((0.0, 1.0)) == 2  # levels span the axes
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["noisy", "theirs", "ncsnpp_m", "sgmse_m", "storm"]


@pytest.mark.parametrize(("calls", "ticks"), [((3,), [3]), ((3, 4), [3, 4]), ((1, 60), [1, 2, 5, 10, 20, 50])])
def test_the_axis_of_calls_is_never_without_numbers(calls: tuple[int, ...], ticks: list[int]) -> None:
    rows = [make_row(method=f"m{n}", nfe=n, pesq=1.0) for n in calls]
    figure = scores_by_nfe(analysis(rows))
    assert figure is not None
    assert list(figure.axes[0].get_xticks()) == ticks


def test_the_mean_is_where_it_belongs() -> None:
    rows = [make_row(u, method="m", paradigm="predictive", nfe=1, pesq=v) for u, v in (("a", 1.0), ("b", 4.0))]
    figure = scores_by_method(analysis(rows))
    assert figure is not None
    (ax,) = figure.axes
    assert "2.50" in [text.get_text() for text in ax.texts]
    assert ax.get_xlabel() == "PESQ (MOS) ↑"
    assert [line.get_xdata().tolist() for line in ax.lines if not line.get_rasterized()] == [[2.5]]


def test_edge_cases_draw_without_complaint(
    tmp_path: Path, benchmark_rows: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "FORMATS", ("png",))
    some = benchmark_rows(clips=3)
    missing = Score.missing("undefined", "silence")
    cases = {
        "one method": [make_row(u, pesq=v) for u, v in (("a", 1.0), ("b", 2.0))],
        "one clip": benchmark_rows(clips=1, seeds=1),
        "constant": [replace(row, scores={"pesq": Score(1.0)}) for row in some],
        "one metric missing for one method": [
            replace(row, scores={**row.scores, "lsd": missing}) if row.key.method == "storm" else row for row in some
        ],
        "unknown paradigms": [replace(row, paradigm=f"new {row.key.method}") for row in some],
        "many metrics": [replace(row, scores={f"m{i}": Score(float(i)) for i in range(6)}) for row in some],
        "odd names": [make_row(u, dataset="a.b-c", method="$\\x_1$ [y] " + "long" * 20, nfe=2, pesq=1.0) for u in "ab"],
    }
    for name, rows in cases.items():
        written = write_plots(analyse(rows, METRICS, QUICK), tmp_path / name)
        assert len(written) == (1 if name == "one method" else 2), name


def test_nothing_to_draw_writes_nothing(tmp_path: Path) -> None:
    assert write_plots(analyse([], METRICS, QUICK), tmp_path / "plots") == []
    assert write_plots(analyse([make_row(status="error")], METRICS, QUICK), tmp_path / "plots") == []
    assert not (tmp_path / "plots").exists()


def test_no_global_state_is_left_behind(tmp_path: Path) -> None:
    """In a fresh process without a display: settings and random state as before, and no open figures."""
    script = (
        "import sys, matplotlib as mpl, numpy as np\n"
        "from pathlib import Path\n"
        "from results.statistics.analysis import analyse\n"
        "from tests.results.conftest import make_row\n"
        "from tests.results.test_plots import write_plots\n"
        "before = dict(mpl.rcParams), np.random.get_state()[1].tolist()\n"
        "rows = [make_row(u, method='m', nfe=3, pesq=float(i)) for i, u in enumerate('abc')]\n"
        "assert len(write_plots(analyse(rows), Path(sys.argv[1]))) == 4\n"
        "import matplotlib.pyplot as plt\n"
        "assert (dict(mpl.rcParams), np.random.get_state()[1].tolist()) == before\n"
        "assert plt.get_fignums() == []\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, tmp_path], cwd=ROOT, check=True, env={"PATH": "", "HOME": str(tmp_path)}
    )


@pytest.mark.parametrize(
    ("info", "text"),
    [(MetricInfo("SI-SDR", "dB"), "1.2"), (MetricInfo("PESQ", "MOS"), "1.23"), (MetricInfo("X", decimals=4), "1.2346")],
)
def test_digits_follow_the_unit(info: MetricInfo, text: str) -> None:
    assert info.format(1.23456) == text
