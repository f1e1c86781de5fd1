"""Mixtures: SNR, level, T60 and DRR as asked by an independent computation; corpora in their exact layouts."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from bench.core.errors import UserError
from bench.datasets import create
from bench.datasets.corpora.card import card
from bench.datasets.corpora.jobs import Plan
from bench.datasets.corpora.mixtures import divided
from bench.datasets.corpora.plans import plan
from bench.datasets.corpora.preparing import prepare

RATE = 16000


def speech(seed: int, seconds: float = 0.6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * rng.uniform(90, 200) * k * t) / k for k in range(1, 12))
    return (0.05 * wave * (t % 0.3 < 0.2)).astype(np.float32)


def write(path: Path, wave: np.ndarray, form: str = "WAV") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, RATE, "PCM_16", format=form)


def noise(seed: int, seconds: float = 1.5) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.fixture
def wsj0(tmp_path: Path) -> Path:
    for part, name in (
        ("si_tr_s", "011c0201"),
        ("si_tr_s", "01aa010b"),
        ("si_dt_05", "050a0501"),
        ("si_et_05", "440c0401"),
    ):
        write(tmp_path / "wsj0/11-1.1/wsj0" / part / name[:3] / f"{name}.wv1", speech(len(name)), "NIST")
    write(tmp_path / "wsj0/11-1.1/wsj0/si_et_05/440/440c0401.wv2", speech(9), "NIST")
    write(tmp_path / "wsj0/11-14.1/wsj0/si_et_05/441/441c0402.wav", speech(3))
    return tmp_path / "wsj0"


@pytest.fixture
def chime3(tmp_path: Path) -> Path:
    for place in ("150203_010_BUS", "150204_010_CAF", "150205_040_PED"):
        for channel in (1, 2):
            write(
                tmp_path / f"CHiME3/data/audio/16kHz/backgrounds/BGD_{place}.CH{channel}.wav",
                noise(len(place) + channel),
            )
    return tmp_path / "CHiME3"


def planned(name: str, **given: Any) -> Plan:
    return plan(card(name), given)


def made(wanted: Plan, out: Path) -> Path:
    result = prepare(wanted, out, 0)
    assert not result.failures
    return out


def snr_of(clean: np.ndarray, noisy: np.ndarray) -> float:
    rest = noisy.astype(float) - clean
    return float(10 * np.log10(np.mean(np.square(clean, dtype=float)) / np.mean(rest**2)))


@pytest.mark.parametrize(("name", "low", "high"), [("wsj0_chime3", -6, 14), ("wsj0_chime3_mild", 0, 20)])
def test_wsj0_and_chime3(name: str, low: float, high: float, wsj0: Path, chime3: Path, tmp_path: Path) -> None:
    out = made(planned(name, wsj0=wsj0, chime3=chime3), tmp_path / "out")
    data = {split: create(name, split=split, dir=str(out)) for split in ("train", "valid", "test")}
    assert [len(one.ids()) for one in data.values()] == [2, 1, 2]
    assert data["test"].ids() == ["440c0401", "441c0402"]
    for one in data.values():
        for clip in map(one.load, one.ids()):
            assert clip.clean is not None
            assert snr_of(clip.clean, clip.noisy) == pytest.approx(clip.tags["snr"], abs=0.05)
            assert low <= float(clip.tags["snr"]) <= high
            assert clip.tags["noise_type"] in ("bus", "cafe", "pedestrian area")
            assert str(clip.tags["speaker"]) == clip.id[:3]


def test_noise_that_no_two_splits_share(wsj0: Path, chime3: Path, tmp_path: Path) -> None:
    shared = planned("wsj0_chime3", wsj0=wsj0, chime3=chime3)
    own = planned("wsj0_chime3", wsj0=wsj0, chime3=chime3, disjoint=True)
    assert {source.part for job in shared.jobs for source in job.make.noises} == {(0.0, 1.0)}
    parts = {job.split: job.make.noises[0].part for job in own.jobs}
    assert parts == {"train": (0.0, 0.8), "valid": (0.8, 0.9), "test": (0.9, 1.0)}


def test_timit_with_transcripts(chime3: Path, tmp_path: Path) -> None:
    for part, region, speaker in (
        ("TRAIN", 1, "FCJF0"),
        ("TRAIN", 7, "MADC0"),
        ("TEST", 2, "FPAS0"),
        ("TRAIN", 8, "X"),
    ):
        place = tmp_path / "timit" / part / f"DR{region}" / speaker
        write(place / "SA1.WAV", speech(region), "NIST")
        (place / "SA1.TXT").write_text("0 63488 She had your dark suit in greasy wash water all year.\n")
    out = made(planned("timit_chime3", timit=tmp_path / "timit", chime3=chime3), tmp_path / "out")
    clip = create("timit_chime3", dir=str(out)).load("dr2/fpas0/sa1")
    assert clip.transcript == "She had your dark suit in greasy wash water all year."
    assert (clip.tags["speaker"], clip.tags["sex"]) == ("fpas0", "F")
    assert create("timit_chime3", split="train", dir=str(out)).ids() == ["dr1/fcjf0/sa1"]
    assert create("timit_chime3", split="valid", dir=str(out)).ids() == ["dr7/madc0/sa1"]


def test_simulated_rooms(wsj0: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyroomacoustics")
    out = made(planned("wsj0_reverb", wsj0=wsj0, splits=["test"]), tmp_path / "out")
    data = create("wsj0_reverb", dir=str(out))
    for clip in map(data.load, data.ids()):
        assert clip.clean is not None
        assert 0.4 <= float(clip.tags["t60"]) <= 1.0
        assert np.abs(clip.noisy).max() == pytest.approx(0.9, abs=0.01)
        assert "snr" not in clip.tags
        dry, wet = (float(np.square(signal, dtype=float).sum()) for signal in (clip.clean, clip.noisy))
        assert 10 * np.log10(dry / wet) == pytest.approx(
            -10 * np.log10(1 + 10 ** (-float(clip.tags["drr"]) / 10)), abs=3
        )


def test_responses_snr_to_active_level_and_the_record(tmp_path: Path) -> None:
    for k in range(4):
        write(tmp_path / f"speech/s{k}/a.wav", speech(k, 1.0))
        write(tmp_path / f"noise/n{k}.wav", noise(k, 0.5))
    response = np.zeros(8000, np.float32)
    decay = np.exp(-6.9078 * np.arange(7900) / RATE / 0.5) * np.random.default_rng(3).standard_normal(7900)
    response[100:] = 0.05 * decay
    response[100] = 0.9
    write(tmp_path / "rir/hall/a.wav", response)
    given = {"speech": tmp_path / "speech", "noise": tmp_path / "noise", "responses": tmp_path / "rir"}
    out = made(planned("mix", **given, level="active", snr_of="target", snr=[5, 5]), tmp_path / "out")
    data = create("mix", dir=str(out))
    clip = data.load("s0/a")
    assert clip.clean is not None
    assert clip.tags["t60"] == pytest.approx(0.5, abs=0.05)
    assert clip.tags["room"] == "hall/a"
    energy = np.square(response, dtype=float)
    expected = 10 * np.log10(energy[60:141].sum() / energy[141:].sum())
    assert clip.tags["drr"] == pytest.approx(expected, abs=0.2)
    recorded = (out / "test/recipe.csv").read_text().splitlines()
    assert recorded[0] == "id,speech,start,response,noise,noise_start,gain_db"
    assert "hall/a.wav" in recorded[1]


def test_the_stored_mixture_is_that_which_is_made_on_request(tmp_path: Path) -> None:
    for k in range(3):
        write(tmp_path / f"speech/s{k}/a.wav", speech(k))
        write(tmp_path / f"noise/street/n{k}.wav", noise(k, 0.4))
    given = {"speech": str(tmp_path / "speech"), "noise": str(tmp_path / "noise"), "snr": [-5, 5], "seed": 3}
    stored = create("mix", dir=str(made(planned("mix", **given), tmp_path / "out")))
    asked = create("mixed_folders", **given)
    assert stored.ids() == asked.ids()
    for one, other in zip(map(stored.load, stored.ids()), map(asked.load, asked.ids()), strict=True):
        np.testing.assert_allclose(one.noisy, other.noisy, atol=0.51 / 32768)
        assert one.tags == other.tags


def test_a_dry_response_and_an_unreadable_recording_cost_no_other(tmp_path: Path) -> None:
    for k in range(3):
        write(tmp_path / f"speech/s{k}.wav", speech(k))
    (tmp_path / "speech/s1.wav").write_bytes(b"RIFF")
    write(tmp_path / "rir/dry.wav", np.array([0.0, 0.9, 0.0, 0.0], np.float32))
    wanted = planned("mix", speech=tmp_path / "speech", responses=tmp_path / "rir")
    result = prepare(wanted, tmp_path / "out", 2)
    assert (result.made, list(result.failures)) == (2, ["test/s1"])
    assert "not a readable audio file" in result.failures["test/s1"]
    assert not (tmp_path / "out/dataset.json").exists()
    tags = wanted.jobs[0]().utterance.tags
    assert "t60" not in tags
    assert float(tags["drr"]) > 100


@pytest.mark.parametrize(
    ("law", "snr", "fits"),
    [
        ("values", [0, 5, 10], lambda snr: snr in (0, 5, 10)),
        ("normal", [5, 0], lambda snr: snr == 5),
        ("uniform", [2, 3], lambda snr: 2 <= snr <= 3),
    ],
)
def test_laws_of_the_snr(law: str, snr: list[float], fits: Any, tmp_path: Path) -> None:
    for k in range(4):
        write(tmp_path / f"speech/s{k}.wav", speech(k))
    write(tmp_path / "noise/n.wav", noise(0))
    wanted = planned("mix", speech=tmp_path / "speech", noise=tmp_path / "noise", law=law, snr=snr)
    for job in wanted.jobs:
        utterance = job().utterance
        assert fits(utterance.tags["snr"])
        assert utterance.clean is not None
        assert snr_of(utterance.clean, utterance.noisy) == pytest.approx(utterance.tags["snr"], abs=0.02)


def test_splits_share_no_owner() -> None:
    owners = {f"clip{n}": f"speaker{n % 10}" for n in range(50)}
    parts = divided("speakers", owners, owners, (0.7, 0.1))
    found = {split: {owners[name] for name in part} for split, part in parts.items()}
    assert {split: len(names) for split, names in found.items()} == {"train": 7, "valid": 1, "test": 2}
    assert not found["train"] & found["test"] | found["train"] & found["valid"] | found["valid"] & found["test"]
    with pytest.raises(UserError, match="2 speakers cannot be divided among 3 splits"):
        divided("speakers", {"a": 1, "b": 2}, {"a": "a", "b": "b"}, (0.7, 0.1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"snr": [5]}, "must be a range"),
        ({"law": "uniformly"}, "mix: law: expected uniform or normal or values"),
        ({"t60": [1, 0.5]}, "t60 must be a range"),
        ({"shares": [0.7, 0.3]}, "below 1 together"),
        ({"noise": None}, "nothing to mix the speech with"),
    ],
)
def test_mistakes(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    write(tmp_path / "speech/s.wav", speech(0))
    write(tmp_path / "noise/n.wav", noise(0))
    all_given = {"speech": tmp_path / "speech", "noise": tmp_path / "noise", **given}
    with pytest.raises(UserError, match=message):
        planned("mix", **{key: value for key, value in all_given.items() if value is not None})


def test_a_corpus_that_lacks_a_part(wsj0: Path, chime3: Path, tmp_path: Path) -> None:
    (wsj0 / "11-1.1/wsj0/si_dt_05").rename(wsj0 / "11-1.1/wsj0/si_dt_20")
    with pytest.raises(UserError, match=r"no folder si_dt_05 .*si_dt_20, si_et_05, si_tr_s"):
        planned("wsj0_chime3", wsj0=wsj0, chime3=chime3)
    with pytest.raises(UserError, match="no folder TRAIN with DR1"):
        planned("timit_chime3", timit=wsj0, chime3=chime3)
    (wsj0 / "11-1.1/wsj0/si_dt_20").rename(wsj0 / "11-1.1/wsj0/si_dt_05")
    with pytest.raises(UserError, match="no folder backgrounds"):
        planned("wsj0_chime3", wsj0=wsj0, chime3=wsj0)


def test_compressed_sphere_by_sph2pipe(
    wsj0: Path, chime3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wsj0 / "11-1.1/wsj0/si_et_05/440/440c0401.wv1"
    plain = tmp_path / "plain.wav"
    write(plain, speech(1))
    header = b"NIST_1A\n   1024\nsample_count -i 9600\nsample_rate -i 16000\n"
    header += b"sample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n"
    path.write_bytes(header.ljust(1024) + b"ajkg")
    wanted = planned("wsj0_chime3", wsj0=wsj0, chime3=chime3, splits=["test"])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setitem(sys.modules, "av", None)
    result = prepare(wanted, tmp_path / "out", 0)
    assert "or install sph2pipe" in result.failures["test/440c0401"]
    program = tmp_path / "bin/sph2pipe"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec /bin/cp {plain} "$5"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    again = prepare(wanted, tmp_path / "out", 0)
    assert (again.made, again.failures) == (1, {})
    assert json.loads((tmp_path / "out/dataset.json").read_text())["splits"]["test"]["recordings"] == 2
