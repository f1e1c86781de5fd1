"""VoiceBank/DEMAND from a tiny copy in the download's exact layout: prepared, continued, verified, told apart."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.core import audio
from bench.core.errors import UserError
from bench.datasets import create
from bench.datasets.corpora import stored
from bench.datasets.corpora.card import card
from bench.datasets.corpora.plans import plan
from bench.datasets.corpora.preparing import prepare

CARD = card("voicebank_demand")
TEST = {"p232_001": ("bus", 17.5), "p232_002": ("cafe", 2.5), "p257_003": ("living", 7.5)}
TRAIN = {"p226_001": ("babble", 0), "p287_010": ("ssn", 5), "p228_002": ("metro", 10), "p230_004": ("car", 15)}


def tone(name: str, seconds: float = 0.25, rate: int = 48000) -> np.ndarray:
    rng = np.random.default_rng(sum(name.encode()))
    t = np.arange(round(seconds * rate)) / rate
    return 0.2 * np.sin(2 * np.pi * rng.uniform(200, 900) * t) + 0.01 * rng.standard_normal(t.size)


def write_set(folder: Path, name: str, clips: dict[str, tuple[str, float]], rate: int = 48000) -> None:
    for side in ("clean", "noisy"):
        (folder / f"{side}_{name}_wav").mkdir(parents=True)
        for clip in clips:
            wave = tone(clip, rate=rate) + (0.05 * tone(clip + "n", rate=rate) if side == "noisy" else 0)
            soundfile.write(folder / f"{side}_{name}_wav" / f"{clip}.wav", wave, rate, "PCM_16")
    (folder / f"{name}_txt").mkdir()
    for clip in clips:
        (folder / f"{name}_txt" / f"{clip}.txt").write_text(f"Please call {clip}.\n")
    (folder / f"log_{name}.txt").write_text("".join(f"{clip} {noise} {snr}\n" for clip, (noise, snr) in clips.items()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_set(tmp_path / "vb", "testset", TEST)
    write_set(tmp_path / "vb", "trainset_28spk", TRAIN)
    return tmp_path / "vb"


def zipped(folder: Path) -> Path:
    """The same as it is downloaded."""
    target = folder.with_name("zips")
    target.mkdir()
    for part in folder.iterdir():
        if part.is_dir():
            shutil.make_archive(str(target / part.name), "zip", folder, part.name)
    with zipfile.ZipFile(target / "logfiles.zip", "w") as archive:
        for log in folder.glob("log_*.txt"):
            archive.write(log, log.name)
    return target


def make(folder: Path, out: Path, workers: int = 0, **given: object) -> Path:
    result = prepare(plan(CARD, {"voicebank": folder, "partial": True, **given}), out, workers)
    assert not result.failures
    return out


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_splits_rate_transcripts_and_tags(folder: Path, tmp_path: Path) -> None:
    out = make(folder, tmp_path / "out")
    data = {split: create("voicebank_demand", split=split, dir=str(out)) for split in ("train", "valid", "test")}
    assert {split: one.ids() for split, one in data.items()} == {
        "train": ["p228_002", "p230_004"],
        "valid": ["p226_001", "p287_010"],
        "test": ["p232_001", "p232_002", "p257_003"],
    }
    assert [one.name for one in data.values()] == ["voicebank_demand_train", "voicebank_demand_valid", CARD.name]
    clip = data["test"].load("p232_001")
    assert (clip.sample_rate, clip.noisy.size, clip.transcript) == (16000, 4000, "Please call p232_001.")
    assert clip.tags == {"speaker": "p232", "noise_type": "bus", "snr": 17.5}
    assert clip.clean is not None
    expected = audio.resample(audio.read(folder / "clean_testset_wav/p232_001.wav")[0], 48000, 16000)
    np.testing.assert_allclose(clip.clean, expected, atol=0.51 / 32768)
    assert any("824" in note for note in data["test"].notes())


def test_zip_files_give_the_same_recordings(folder: Path, tmp_path: Path) -> None:
    one = json.loads((make(folder, tmp_path / "a") / "dataset.json").read_text())
    other = json.loads((make(zipped(folder), tmp_path / "b") / "dataset.json").read_text())
    assert one["splits"] == other["splits"]
    assert one["splits"]["test"]["resampler"] == audio.RESAMPLER


def test_the_stored_identity_is_that_of_what_is_read(folder: Path, tmp_path: Path) -> None:
    data = create("voicebank_demand", dir=str(make(folder, tmp_path / "out")))
    again = create("paired_folder", manifest=str(tmp_path / "out/test/manifest.csv"))
    assert again.identity().content == data.identity().content
    assert again.identity().ids == data.identity().ids


def test_the_same_bytes_with_workers_and_after_an_interruption(folder: Path, tmp_path: Path) -> None:
    whole = files(make(folder, tmp_path / "a"))
    assert files(make(folder, tmp_path / "b", workers=2)) == whole
    wanted = plan(CARD, {"voicebank": folder, "partial": True})

    class Enough(Exception):
        pass

    class Stop:
        def __init__(self, total: int) -> None:
            self.left = 2

        def __enter__(self) -> Stop:
            return self

        def __exit__(self, *error: object) -> None:
            return None

        def __call__(self, failures: int) -> None:
            self.left -= 1
            if not self.left:
                raise Enough

    with pytest.raises(Enough):
        prepare(wanted, tmp_path / "c", 0, Stop)
    with pytest.raises(UserError, match="has not finished; the same command continues"):
        create("voicebank_demand", dir=str(tmp_path / "c"))
    with (tmp_path / "c/.done.jsonl").open("a") as torn:
        torn.write('["test/p2')
    assert prepare(wanted, tmp_path / "c", 0).made == 5
    assert files(tmp_path / "c") == whole


def test_an_altered_or_missing_file_is_named_and_made_again_alone(folder: Path, tmp_path: Path) -> None:
    out = make(folder, tmp_path / "out")
    assert stored.verify(out, CARD) == []
    miscounted = "\n".join(stored.miscounted(CARD, stored.read_about(out, CARD)))
    assert "in test, 824 are published" in miscounted
    assert "in train+valid, 11572 are published" in miscounted
    whole = files(out)
    (out / "test/noisy/p232_001.flac").write_bytes(b"fLaC")
    (out / "test/clean/p232_002.flac").unlink()
    wrong = stored.verify(out, CARD)
    assert any("p232_001.flac: altered" in line for line in wrong)
    assert any("p232_002.flac: missing" in line for line in wrong)
    (out / "test/noisy/p232_001.flac").unlink()
    assert prepare(plan(CARD, {"voicebank": folder, "partial": True}), out, 0).made == 2
    assert files(out) == whole


def test_a_half_unpacked_renamed_converted_or_unfinished_copy_is_told_apart(folder: Path, tmp_path: Path) -> None:
    def refused(place: Path = folder, **given: object) -> str:
        with pytest.raises(UserError) as error:
            plan(CARD, {"voicebank": place, **given})
        return str(error.value)

    assert "3 of 824 files: half unpacked?" in refused(splits=["test"]) or "4 of 11572" in refused()
    assert "no such folder" in refused(tmp_path / "nowhere")
    assert "doi.org" in refused(tmp_path / "nowhere")
    assert "did you mean 'rate'" in refused(rat=8000)
    (folder / "noisy_testset_wav/p232_001.wav").unlink()
    assert "1 files are on one side only (p232_001)" in refused(partial=True)
    shutil.rmtree(folder / "noisy_testset_wav")
    (folder / "noisy_testset_wav").mkdir()
    assert "no .wav" in refused(partial=True)
    (folder / "noisy_testset_wav").rename(folder / "noisy_testset_wav_16k")
    shutil.rmtree(folder / "noisy_trainset_28spk_wav")
    assert "noisy_testset_wav_16k looks like a renamed or converted copy" in refused(partial=True)
    shutil.rmtree(folder / "noisy_testset_wav_16k")
    (folder / "noisy_testset_wav.zip.part").write_bytes(b"PK")
    assert "an unfinished download" in refused(partial=True)
    (folder / "noisy_testset_wav.zip.part").rename(folder / "noisy_testset_wav.zip")
    assert "not a whole zip file" in refused(partial=True)


def test_a_copy_at_another_rate_is_refused_or_accepted_as_another_dataset(tmp_path: Path) -> None:
    write_set(tmp_path / "vb", "testset", TEST, rate=16000)
    with pytest.raises(UserError, match="16000 Hz, where the corpus has 48000 Hz"):
        make(tmp_path / "vb", tmp_path / "out")
    out = make(tmp_path / "vb", tmp_path / "out", source_rate=16000)
    assert json.loads((out / "dataset.json").read_text())["parameters"]["source_rate"] == 16000
    with pytest.raises(UserError, match="prepared with other parameters"):
        make(tmp_path / "vb", out, source_rate=16000, rate=8000)


def test_another_dataset_or_revision_in_the_folder(folder: Path, tmp_path: Path) -> None:
    out = make(folder, tmp_path / "out")
    about = json.loads((out / "dataset.json").read_text())
    for change, message in (({"card": "wsj0_chime3"}, "holds wsj0_chime3"), ({"revision": 0}, "made by revision 0")):
        (out / "dataset.json").write_text(json.dumps({**about, **change}))
        with pytest.raises(UserError, match=message):
            create("voicebank_demand", dir=str(out))
    with pytest.raises(UserError, match="not prepared here: bench data prepare voicebank_demand voicebank=FOLDER"):
        create("voicebank_demand", dir=str(tmp_path / "none"))
