"""What the heat map, the plane and the strata show is what was computed."""

from __future__ import annotations

import numpy as np
import pytest

from results.plots.correlations import correlation_map
from results.plots.plane import noise_artefact_plane
from results.plots.strata import scores_by_stratum
from results.statistics.analysis import Analysis, Options, analyse
from results.store.info import MetricInfo
from results.views.behaviour import correlate
from results.views.strata import stratify
from tests.results.conftest import make_row

INFO = {
    "left": MetricInfo("SI-SIR", "dB", name="si_sir"),
    "made": MetricInfo("SI-SAR", "dB", name="si_sar"),
    "pesq": MetricInfo("PESQ", "MOS"),
}


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    random = np.random.default_rng(0)
    rows = [
        make_row(
            f"{clip:02d}",
            method=method,
            paradigm=paradigm,
            tags={"snr": clip % 3 * 5},
            **{name: float(level + random.normal()) for name, level in (("left", 9), ("made", 5), ("pesq", 2))},
        )
        for method, paradigm in (("noisy", "control"), ("ours", "predictive"))
        for clip in range(9)
    ]
    (made,) = analyse(rows, INFO, Options(resamples=1000))
    return made


def test_the_map_has_every_coefficient_once(analysis: Analysis) -> None:
    pairs = correlate(analysis)
    figure = correlation_map(analysis, pairs)
    assert figure is not None
    assert [ax.get_title() for ax in figure.axes] == ["control", "predictive"]
    for ax, of_paradigm in zip(figure.axes, (pairs[:3], pairs[3:]), strict=True):
        written = {text.get_position(): text.get_text() for text in ax.texts}
        assert len(written) == 6
        names = list(INFO)
        for pair in of_paradigm:
            column, row = names.index(pair.first), names.index(pair.second)
            assert written[column, row] == f"{pair.coefficient['pearson']:.2f}"
            assert written[row, column] == f"{pair.coefficient['spearman']:.2f}"
    assert correlation_map(analysis, []) is None


def test_the_plane_has_means_where_they_belong_and_lines_of_equal_si_sdr(analysis: Analysis) -> None:
    figure = noise_artefact_plane(analysis)
    assert figure is not None
    (ax,) = figure.axes
    drawn = {
        (float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in ax.lines if len(line.get_xdata()) == 1
    }
    assert drawn == {(s.metrics["left"].mean, s.metrics["made"].mean) for s in analysis.summaries}
    assert [len(line.get_xdata()) for line in ax.lines].count(9) == 2  # the recordings
    contours = ax.collections[0]
    for level, paths in zip(contours.levels, contours.get_paths(), strict=True):
        for x, y in paths.vertices[:: max(1, len(paths.vertices) // 5)]:
            assert -10 * np.log10(10 ** (-x / 10) + 10 ** (-y / 10)) == pytest.approx(level, abs=0.05)


def test_without_both_ratios_there_is_no_plane(analysis: Analysis) -> None:
    (made,) = analyse(analysis.panel.systems[0].rows, {"left": INFO["left"]}, Options(resamples=1000))
    assert noise_artefact_plane(made) is None


def test_strata_are_drawn_with_their_means(analysis: Analysis) -> None:
    strata = stratify(analysis, ["snr"])
    figure = scores_by_stratum(analysis, strata)
    assert figure is not None
    pesq = figure.axes[2]
    assert [label.get_text() for label in pesq.get_xticklabels()] == ["0\n(3)", "5\n(3)", "10\n(3)"]
    means = [list(line.get_ydata()) for line in pesq.lines if len(line.get_xdata()) == 3]
    assert means == [[stratum.metrics["pesq"][number].mean for stratum in strata] for number in (0, 1)]
    low, high = pesq.get_ylim()
    assert all(low < mean < high for of_system in means for mean in of_system)
    scores = analysis.panel.scores["pesq"].clips
    assert high - low <= 1.11 * (scores.max() - scores.min())
    assert scores_by_stratum(analysis, []) is None


def test_what_only_recordings_without_the_tag_were_scored_by_is_left_out() -> None:
    """A metric may need what just some recordings have."""
    tagged = [make_row(f"{clip}", tags={"snr": clip % 2}, pesq=float(clip)) for clip in range(4)]
    others = [make_row(f"{clip}", left=float(clip)) for clip in range(4, 8)]
    (made,) = analyse([*tagged, *others], INFO, Options(resamples=1000))
    figure = scores_by_stratum(made, stratify(made, ["snr"]))
    assert figure is not None
    assert [ax.get_ylabel() for ax in figure.axes] == ["PESQ (MOS) ↑"]
