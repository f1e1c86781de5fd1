"""The page as a file: what is in it, and that no text in it becomes markup."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from results.report import numbers, sections, sounds
from results.report.page import Written, as_json, write
from results.report.sounds import Recording, Track
from results.views.pareto import knee, pareto, trade_off
from tests.results.report.conftest import ABOUT, HOSTILE, RATE, SYSTEMS, looks, rows, tones


class Elements(HTMLParser):
    """Every element with its attributes, and the text of those that have an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._id = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._id = dict(attrs).get("id") or ""

    def handle_data(self, data: str) -> None:
        if self._id:
            self.texts[self._id] = self.texts.get(self._id, "") + data


@pytest.fixture(scope="module")
def elements(page: Written) -> Elements:
    return Elements(page.path.read_text(encoding="utf-8"))


def test_hostile_text_is_text(elements: Elements) -> None:
    assert not any(tag == "img" for tag, _ in elements.found)
    handlers = [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert handlers == []
    data = json.loads(elements.texts["data"])
    assert data["sets"][0]["systems"][1]["label"] == f"theirs {HOSTILE}"
    said = json.loads(elements.texts["texts"])[0]
    assert said["recognised"]["1"]["0"] == f"heard {HOSTILE}"
    assert json.loads(elements.texts["clip-0-0"])["transcript"] == f"said {HOSTILE}"


def test_nothing_comes_from_elsewhere(page: Written, elements: Elements) -> None:
    assert not any(attributes.get("src") for _, attributes in elements.found)
    assert not any((attributes.get("href") or "#")[0] != "#" for tag, attributes in elements.found if tag != "use")
    assert not re.search(r"url\((?!#)", page.path.read_text(encoding="utf-8"))
    [policy] = [a["content"] for tag, a in elements.found if tag == "meta" and "http-equiv" in a]
    assert policy and "default-src 'none'" in policy and "connect-src 'none'" in policy


def test_ids_are_unique(elements: Elements) -> None:
    ids = [attributes["id"] for _, attributes in elements.found if attributes.get("id")]
    assert len(ids) == len(set(ids))


def test_everything_is_in_it(page: Written, elements: Elements) -> None:
    assert page.heard == page.recordings == 8
    text = page.path.read_text(encoding="utf-8")
    for said in (">knee<", "snr", "Possibly invented", "error: broke", "pesq 0.0.4", "weights_sha256", "2026-11-01"):
        assert said in text, said
    data = json.loads(elements.texts["data"])["sets"][0]
    assert [len(column) for column in data["scores"]["pesq"]] == [8] * len(SYSTEMS)
    assert data["scores"]["pesq"][2][2] is None
    assert len(data["pairs"]["pesq"]) == 10


def test_the_page_has_the_leaderboards_numbers() -> None:
    [look] = looks(rows())
    shown = sections.section(look, drawn=False)
    for number, row in enumerate(shown["rows"]):
        of = look.analysis.summaries[number].metrics["pesq"]
        assert row["cells"][1]["text"] == f"{of.mean:.2f}"
        assert float(row["cells"][1]["value"]) == pytest.approx(of.mean)
    [pair, *_] = numbers.dataset(look.analysis)["pairs"]["pesq"]
    told = look.analysis.comparisons["pesq"][0]
    assert pair[2:6] == pytest.approx([told.difference, told.low, told.high, told.holm_bootstrap], rel=1e-3)


def test_failures_are_counted_by_reason() -> None:
    [look] = looks(rows())
    [failure] = sections.failures(look.analysis)
    assert failure["what"] == "PESQ" and failure["rows"] == 1 and failure["methods"] == "ncsnpp_m"
    assert failure["reason"] == f"error: broke {HOSTILE}"


def test_suspects_come_first_and_every_recording_comes() -> None:
    [look] = looks(rows())
    order = sections.wanted(look)
    assert sorted(order) == list(range(8))
    view = look.hallucinations[-1]
    assert set(sections.suspects(view)[:3]) <= set(order[:12])


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing them takes most of a page's time."""
    monkeypatch.setattr(
        sections, "_charts", lambda look, metric: {"metric": metric, "costs": [], "distribution": "", "strata": []}
    )


@pytest.mark.usefixtures("without_charts")
def test_a_small_budget_holds_fewer_recordings(tmp_path: Path) -> None:
    one = len(as_json(sounds.encoded(tones("demo", "a"))))
    made = write(looks(rows()), ABOUT, tones, tmp_path / "a.html", megabytes=2.5 * one / 1e6)
    assert (made.heard, made.recordings) == (2, 8)
    assert write(looks(rows()), ABOUT, tones, tmp_path / "b.html", megabytes=0).heard == 0


@pytest.mark.usefixtures("without_charts")
def test_a_folder_has_every_recording_beside_the_page(tmp_path: Path) -> None:
    made = write(looks(rows()), ABOUT, tones, tmp_path / "out", megabytes=0)
    assert made.path == tmp_path / "out" / "index.html" and made.heard == 8
    written = (tmp_path / "out" / "clips" / "0-3.js").read_text(encoding="utf-8")
    assert written.startswith('sebenchClip("0-3", {') and "</script" not in written


def test_signals_are_equally_loud_and_lossless() -> None:
    time = np.arange(RATE) / RATE
    soft, loud = ((a * np.sin(2 * np.pi * 500 * time)).astype(np.float32) for a in (0.01, 0.9))
    silent, over = np.zeros(RATE, np.float32), (1.5 * loud).astype(np.float32)
    tracks = [Track(str(at), at, signal) for at, signal in enumerate((soft, loud, silent, over))]
    shown = sounds.encoded(Recording(RATE, tracks))["tracks"]
    played = [track["gain"] * decoded(track) for track in shown]
    levels = [sounds.loudness(signal, RATE) for signal in played]
    assert levels[0] == pytest.approx(sounds.LOUDNESS, abs=0.1)
    assert levels[1] == pytest.approx(levels[0], abs=0.05) and levels[3] == pytest.approx(levels[0], abs=0.05)
    assert not played[2].any()
    assert np.abs(decoded(shown[1]) - loud).max() <= 2**-14


def decoded(track: dict[str, Any]) -> Any:
    return soundfile.read(io.BytesIO(base64.b64decode(track["flac"])), dtype="float32")[0]


def test_peaks_are_not_played_clipped() -> None:
    click = np.zeros(RATE, np.float32)
    click[::4000] = 0.99
    noise = (0.2 * np.random.default_rng(0).normal(size=RATE)).astype(np.float32)
    gains = sounds.leveled([click, noise, None], RATE)
    assert gains[0] * 0.99 <= sounds.PEAK + 1e-6 and gains[2] == 1


def test_the_front_is_what_nothing_cheaper_matches() -> None:
    points = {0: (1.0, 2.0), 1: (2.0, 1.9), 2: (2.0, 2.5), 3: (4.0, 2.5), 4: (8.0, 3.0)}
    assert pareto(points, 1) == (0, 2, 4)
    assert pareto(points, -1) == (0, 1)
    assert pareto(points, 0) == ()


def test_the_knee_is_where_more_cost_stops_paying() -> None:
    front = [(1.0, 1.0), (2.0, 2.8), (4.0, 2.9), (16.0, 3.0)]
    assert knee(front, (5, 6, 7, 8), 1) == 6
    assert knee([(cost, -value) for cost, value in front], (5, 6, 7, 8), -1) == 6
    assert knee(front[:2], (5, 6), 1) is None
    assert knee([(1.0, 1.0), (10.0, 1.1), (100.0, 3.0)], (0, 1, 2), 1) is None


def test_who_failed_is_not_on_the_front() -> None:
    [look] = looks(rows())
    found = trade_off(look.analysis, "macs", "pesq")
    assert found is not None and set(found.points) == {1, 2, 3, 4} and 2 not in found.front
