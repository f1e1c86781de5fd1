"""Test sets in their own layouts: EARS-WHAM and EARS-Reverb of two versions, DNS, WHAM!, LibriMix, CHiME-7 UDASE."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.core.errors import UserError
from bench.datasets import create
from bench.datasets.corpora import stored
from bench.datasets.corpora.card import card, names
from bench.datasets.corpora.plans import RECIPES
from tests.datasets.corpora.test_mixtures import made, planned


def wave(path: Path, rate: int = 16000, seconds: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(path.name.encode()))
    soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * rate)), rate, "FLOAT")


def test_every_card_can_be_read_and_has_a_recipe() -> None:
    for name in names():
        assert card(name).recipe in RECIPES
        assert card(name).told().startswith(name)


def ears(folder: Path, noisy: str, number: str, rate: int, rooms: str = "") -> Path:
    for split, speaker in (("train", "p001"), ("test", "p102")):
        wave(folder / split / noisy / speaker / f"00000_{number}.wav", rate)
        wave(folder / split / "clean" / speaker / "00000.wav", rate)
    if rooms:
        header = "id,speaker,speech_file,speech_start,speech_end,rir_file,channel,gain,rt60\n"
        (folder / "test.csv").write_text(f"{header}00000,p102,emo,0,-1,{rooms},0,1.0,0.51\n")
    return folder


@pytest.mark.parametrize(("rate", "suffix"), [(48000, ""), (16000, "_16k")])
def test_ears_wham(rate: int, suffix: str, tmp_path: Path) -> None:
    folder = ears(tmp_path / f"EARS-WHAM_v2{suffix}", "noisy", "-3.4dB", rate)
    name = f"ears_wham_v2{suffix}"
    data = create(name, dir=str(made(planned(name, ears_wham=folder), tmp_path / "out")))
    clip = data.load("p102/00000")
    assert (clip.sample_rate, clip.tags["snr"], clip.tags["speaker"]) == (rate, -3.4, "p102")
    assert clip.clean is not None
    with pytest.raises(UserError, match="version 2 of this dataset, where version 1 is asked for"):
        planned(f"ears_wham{suffix}", ears_wham=folder)


def test_ears_reverb_is_told_apart_by_its_rooms_and_rate(tmp_path: Path) -> None:
    second = ears(tmp_path / "a", "reverberant", "0.51", 48000, "/ACE-Challenge/x_RIR.wav")
    first = ears(tmp_path / "b", "reverberant", "0.51", 48000, "/BRUDEX/x.mat")
    data = create("ears_reverb_v2", dir=str(made(planned("ears_reverb_v2", ears_reverb=second), tmp_path / "out")))
    assert data.load("p102/00000").tags["t60"] == 0.51
    assert len(planned("ears_reverb", ears_reverb=first).jobs) == 2
    with pytest.raises(UserError, match="version 1 of this dataset, where version 2 is asked for"):
        planned("ears_reverb_v2", ears_reverb=first)
    with pytest.raises(UserError, match="48000 Hz, where the corpus has 16000 Hz"):
        planned("ears_reverb_v2_16k", ears_reverb=second)
    (second / "test/clean/p102/00000.wav").unlink()
    with pytest.raises(UserError, match="copy_clean"):
        planned("ears_reverb_v2", ears_reverb=second)


def test_dns_challenge(tmp_path: Path) -> None:
    test_set = tmp_path / "datasets/test_set"
    for part in ("no_reverb", "with_reverb"):
        wave(test_set / f"synthetic/{part}/noisy/clnsp1_train_69005_1_snr15_tl-21_fileid_158.wav")
        wave(test_set / f"synthetic/{part}/clean/clean_fileid_158.wav")
    wave(test_set / "real_recordings/ms_realrec_headset_cafe_spk2_3.wav")
    wave(test_set / "blind_test_set/noreverb_fileid_1.wav")
    plan = planned("dns_challenge", dns=tmp_path)
    assert {job.split for job in plan.jobs} == {*card("dns_challenge").splits}
    out = str(made(plan, tmp_path / "out"))
    clip = create("dns_challenge", split="no_reverb", dir=out).load("fileid_158")
    assert (clip.tags["snr"], clip.tags["level"]) == (15, -21)
    assert clip.clean is not None
    real = create("dns_challenge", split="real_recordings", dir=out)
    assert real.load(real.ids()[0]).clean is None
    (test_set / "synthetic/no_reverb/clean/clean_fileid_158.wav").unlink()
    with pytest.raises(UserError, match="no clean file with fileid 158"):
        planned("dns_challenge", dns=tmp_path)


@pytest.mark.parametrize(("name", "key", "part"), [("wham_single", "wham", "tt"), ("libri1mix", "librimix", "test")])
def test_wham_and_librimix(name: str, key: str, part: str, tmp_path: Path) -> None:
    for side in ("mix_single", "s1"):
        wave(tmp_path / f"in/wav16k/min/{part}/{side}/61-70968-0000.wav")
        wave(tmp_path / f"in/wav8k/min/{part}/{side}/61-70968-0000.wav", 8000)
        wave(tmp_path / f"in/wav16k/max/{part}/{side}/61-70968-0000.wav", seconds=0.2)
    data = create(name, dir=str(made(planned(name, **{key: tmp_path / "in"}), tmp_path / "out")))
    assert data.ids() == ["61-70968-0000"]
    assert (clip := data.load(data.ids()[0])).clean is not None
    assert clip.noisy.size == 1600  # not the one as long as the longer speaker
    narrow = planned(name, **{key: tmp_path / "in"}, rate=8000)
    low = create(name, dir=str(made(narrow, tmp_path / "narrow")))
    assert low.scored.metrics[0] == "pesq_nb"
    with pytest.raises(UserError, match=r"no max in its wav8k, but min"):
        planned(name, **{key: tmp_path / "in"}, rate=8000, length="max")


def test_udase_has_no_reference(tmp_path: Path) -> None:
    wave(tmp_path / "in/eval/1/S01_P01_0.wav")
    wave(tmp_path / "in/eval/listening_test/S01_P02_3.wav")
    wave(tmp_path / "in/dev/2/S02_P05_1.wav")
    plan = planned("chime7_udase", udase=tmp_path / "in")
    assert {job.split for job in plan.jobs} == {*card("chime7_udase").splits}
    out = str(made(plan, tmp_path / "out"))
    clip = create("chime7_udase", dir=out).load("1/S01_P01_0")
    assert (clip.clean, dict(clip.tags)) == (None, {"speakers": 1})
    assert create("chime7_udase", split="listening_test", dir=out).ids() == ["listening_test/S01_P02_3"]


def test_a_folder_without_any(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    with pytest.raises(UserError, match=r"no recording of chime7_udase in it \(there is: readme.txt\); CHiME-5 is of"):
        planned("chime7_udase", udase=tmp_path)


def test_what_is_lost_since_is_told_of_copies_that_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.__main__ import main

    wave(tmp_path / "in/eval/1/S01_P01_0.wav")
    wave(tmp_path / "in/eval/1/S01_P01_1.wav")
    copies = [made(planned("chime7_udase", udase=tmp_path / "in"), tmp_path / name) for name in ("a", "b")]
    (copies[1] / "test/noisy/1/S01_P01_1.flac").unlink()
    assert main(["data", "compare", *(f"{{name: chime7_udase, dir: {copy}}}" for copy in copies)]) == 0
    assert f"{copies[1]}/test/manifest.csv: 1 of its 2 files are not there" in capsys.readouterr().err


def test_published_numbers_are_held_against_what_is_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bench.__main__ import main

    wave(tmp_path / "in/eval/1/S01_P01_0.wav")
    out = str(made(planned("chime7_udase", udase=tmp_path / "in"), tmp_path / "out"))
    assert main(["data", "verify", "chime7_udase", f"dir={out}"]) == 0  # a warning: every file is as it was made
    told = capsys.readouterr().err
    assert "chime7_udase: 1 recordings in test, 5775 are published (the segments listed in github.com/UDASE" in told
    assert "chime7_udase: 0.00 hours in test, 8.56 are published" in told
    assert "valid" not in told  # nothing of it is here
    about = stored.read_about(Path(out), card("chime7_udase"))
    whole = replace(about, splits={"test": replace(about.splits["test"], recordings=5775)}, hours={"test": 8.6})
    assert stored.miscounted(card("chime7_udase"), whole) == []
    assert stored.miscounted(card("chime7_udase"), replace(about, parameters={"layout": "another"})) == []
    both = replace(
        whole, splits=dict.fromkeys(("valid", "test"), about.splits["test"]), speakers={"valid": 10, "test": 8}
    )
    told = "\n".join(stored.miscounted(card("wsj0_chime3"), both))
    assert "2 recordings in valid+test, 1857 are published" in told
    assert "speakers in" not in told


def test_numbers_are_published_somewhere() -> None:
    for name in names():
        assert bool(any(card(name).expected.values())) == bool(card(name).counts_from), name
