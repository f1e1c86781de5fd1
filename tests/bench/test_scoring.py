"""Where a run names no metrics, each dataset's card chooses: told before, stored, in the rows; named metrics win."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.datasets.corpora.card import card, names
from bench.datasets.scored import USUAL, Scored, by_reference_and_rate, name_of
from bench.run.benchmark import run
from bench.run.entries import Spec
from bench.run.scoring import by_cards, label_of, named
from metrics.base import METRICS
from results.store.folder import Store
from tests.datasets.corpora.test_layouts import wave
from tests.datasets.corpora.test_mixtures import made, planned

Config = Callable[..., dict[str, Any]]


class Data:
    """A dataset with a choice of metrics, and nothing else."""

    def __init__(self, *metrics: Any, **about: Any) -> None:
        self.scored = Scored(metrics or USUAL, **about)


def built(spec: Spec) -> None:
    if spec.name == "nisqa":
        raise UserError("nisqa: its weights are not here")


def scored(**datasets: Data) -> Any:
    return by_cards(datasets, built)  # type: ignore[arg-type]


def test_cards_name_metrics_that_there_are_and_say_why_usual_ones_are_left_out() -> None:
    labels: dict[str, Spec] = {}
    for name in names():
        for split in ("test", *card(name).blind):
            found = card(name).scored(split)
            for entry in found.metrics:
                spec = Spec.of("metrics", entry)
                METRICS.check(spec.name, spec.options)
                assert labels.setdefault(label_of(spec), spec) == spec  # or one column would hold two metrics
            assert {*map(name_of, USUAL)} <= {*map(name_of, found.metrics), *found.left_out}, name


def test_pesq_follows_the_rate_and_judges_the_reference() -> None:
    assert by_reference_and_rate(USUAL, True, [16000]) == Scored()
    low = by_reference_and_rate(USUAL, True, [8000])
    assert low.metrics == ("pesq_nb", "estoi", "si_sdr", "dnsmos")
    assert low.left_out == {"pesq": "its wide band is defined at 16 kHz; at 8 kHz it is pesq_nb"}
    high = by_reference_and_rate(USUAL, True, [48000])
    assert high.metrics == ("estoi", "si_sdr", "dnsmos")
    assert high.left_out["pesq"].startswith("defined at 8 and 16 kHz; at 48 kHz")
    assert by_reference_and_rate(USUAL, True, [16000, 48000]).metrics == high.metrics
    blind = by_reference_and_rate(USUAL, False, [16000])
    assert blind.metrics == ("dnsmos", "dnsmos_sig", "dnsmos_bak", "dnsmos_p808")
    assert blind.left_out == dict.fromkeys(("pesq", "estoi", "si_sdr"), "there is no reference")
    real = card("dns_challenge").scored("real_recordings")
    assert (real.metrics, real.left_out["estoi"]) == (blind.metrics, "there is no reference")
    assert "pesq" in card("dns_challenge").scored("no_reverb").metrics
    assert "pesq" not in card("voicebank_demand").scored("test", [48000]).metrics


def test_usual_datasets_are_scored_as_ever_and_nothing_is_said() -> None:
    found = scored(a=Data(), b=Data())
    assert [spec.name for spec in found.specs] == list(USUAL)
    assert (found.left_out, found.chosen, found.remarks) == ({"a": {}, "b": {}}, {}, [])


def test_each_dataset_keeps_its_own_metrics() -> None:
    found = scored(a=Data(), b=Data("estoi", "lsd", left_out={"pesq": "no wide band"}))
    assert [spec.name for spec in found.specs] == [*USUAL, "lsd"]
    assert found.left_out["a"] == {"lsd": "the dataset's card does not name it"}
    assert found.left_out["b"]["pesq"] == "no wide band"
    assert found.remarks == [
        "b: scored by estoi, lsd, as its card says; not by pesq: no wide band; metrics=[...] chooses others"
    ]


def test_what_cannot_be_computed_here_is_left_out_and_said() -> None:
    found = scored(a=Data(*USUAL, "nisqa"), b=Data())
    assert [spec.name for spec in found.specs] == list(USUAL)
    assert found.left_out == {"a": {}, "b": {}}
    assert found.chosen == {"a": {"metrics": list(USUAL), "left_out": {"nisqa": "nisqa: its weights are not here"}}}
    with pytest.raises(UserError, match="broken"):  # a usual one must be there

        def broken(spec: Spec) -> None:
            raise UserError("broken")

        by_cards({"a": Data()}, broken)  # type: ignore[dict-item]


def test_named_metrics_win_and_the_cards_doubts_are_told() -> None:
    about = {"left_out": {"pesq": "no wide band"}, "published": {"wer": {"normaliser": "whisper_english"}}}
    found = named([Spec("pesq"), Spec("wer")], {"a": Data("estoi", **about)})  # type: ignore[dict-item]
    assert [spec.name for spec in found.specs] == ["pesq", "wer"]
    assert (found.left_out, found.chosen) == ({}, {})
    assert found.remarks == [
        "a: pesq is scored, as named, though no wide band",
        "a: wer is published with normaliser: whisper_english",
    ]
    asked = Spec("wer", None, {"normaliser": "whisper_english"})
    assert named([asked], {"a": Data("estoi", **about)}).remarks == []  # type: ignore[dict-item]


def test_a_run_follows_the_cards(config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wave(tmp_path / "in/eval/1/S01_P01_0.wav", seconds=0.5)
    out = str(made(planned("chime7_udase", udase=tmp_path / "in"), tmp_path / "udase"))
    datasets = [*config()["datasets"], {"name": "chime7_udase", "dir": out}]

    def computed(**keys: Any) -> tuple[int, dict[str, Any]]:
        result = run(config(datasets=datasets, methods=["noisy"], limit=1, **keys))
        rows = Store(result.folder).rows()
        return result.computed, {key.dataset: row for key, row in rows.items()}

    count, rows = computed(metrics=None)
    assert count == 2
    assert "chime7_udase: scored by dnsmos, dnsmos_sig, dnsmos_bak, dnsmos_p808, as its card says" in (
        capsys.readouterr().err
    )
    blind, usual = rows["chime7_udase"].scores, rows["talk"].scores
    assert {name for name, score in blind.items() if score.status == "ok"} == {
        *("dnsmos", "dnsmos_sig", "dnsmos_bak", "dnsmos_p808")
    }
    assert (blind["pesq"].status, blind["pesq"].reason) == ("skipped", "there is no reference")
    assert {name for name, score in usual.items() if score.status == "ok"} == {*USUAL}
    assert usual["dnsmos_sig"].status == "skipped"
    manifest = json.loads((tmp_path / "runs/test/manifest.json").read_text())
    assert manifest["sessions"][-1]["scoring"]["chime7_udase"]["left_out"]["pesq"] == "there is no reference"
    assert "scoring" in manifest["sessions"][-1]
    table = (tmp_path / "runs/test/leaderboard.csv").read_text()
    assert "@" not in table.partition("\n")[0]  # what was left out is no other version of its metric
    assert computed(metrics=None)[0] == 0
    count, rows = computed(metrics=["dnsmos_sig"])  # named now: computed where it was left out
    assert count == 1
    assert rows["talk"].scores["dnsmos_sig"].status == "ok"
