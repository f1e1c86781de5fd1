"""On real recordings: SNR, level and T60 come out as asked; another resampler's copy is told; leaks by content."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from bench.__main__ import main
from bench.core import audio
from bench.datasets.leaks.prints import response_print, response_prints, sound_print
from bench.datasets.leaks.search import Training
from bench.datasets.leaks.sources import Source, Sources, of_utterance
from bench.datasets.paired_folder import PairedFolder
from bench.datasets.recipes.active_level import active_level
from bench.datasets.recipes.recordings import speaker
from tests.datasets.corpora.test_mixtures import planned, snr_of


@pytest.fixture(scope="module")
def real(shared: Path) -> Path:
    return shared / "realdata"


@pytest.fixture
def talk(real: Path, tmp_path: Path) -> Path:
    """The speech without its table of transcripts, which has columns of its own."""
    (tmp_path / "talk").mkdir()
    for folder in (real / "speech").iterdir():
        if folder.is_dir():
            (tmp_path / "talk" / folder.name).symlink_to(folder)
    return tmp_path / "talk"


def test_snr_level_and_reverberation_as_asked(real: Path, talk: Path) -> None:
    given = {"speech": talk, "noise": real / "noise", "shares": [0.6, 0.2]}
    for job in planned("mix", **given, snr=[-6, 14]).jobs[::12]:
        one = job().utterance
        assert one.clean is not None
        assert snr_of(one.clean, one.noisy) == pytest.approx(one.tags["snr"], abs=0.02)
        assert -6 <= float(one.tags["snr"]) <= 14
    for job in planned("mix", **given, level="active", snr=[5, 5]).jobs[::20]:
        one = job().utterance
        assert one.clean is not None
        rest = one.noisy.astype(float) - one.clean
        assert active_level(one.clean, 16000)[0] - 10 * np.log10(np.mean(rest**2)) == pytest.approx(5, abs=0.1)
    rooms = {"speech": talk, "responses": real / "rir"}
    measured = {job().utterance.tags["room"]: job().utterance.tags["t60"] for job in planned("mix", **rooms).jobs[::8]}
    surrey = [t60 for room, t60 in measured.items() if str(room).startswith("surrey_roomA")]
    assert surrey == pytest.approx([0.31] * len(surrey), abs=0.03)  # its document says 0.32 s


def test_splits_of_real_speakers_and_noises_are_disjoint(real: Path, talk: Path) -> None:
    jobs = planned("mix", speech=talk, noise=real / "noise", shares=[0.6, 0.2]).jobs
    speakers = {split: {speaker(Path(job.id)) for job in jobs if job.split == split} for split in ("train", "test")}
    noises = {job.split: {source.name for source in job.make.noises} for job in jobs}
    assert not speakers["train"] & speakers["test"]
    assert not noises["train"] & noises["test"] | noises["train"] & noises["valid"]


def test_a_copy_by_another_resampler_and_its_effect_on_pesq(
    real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("clean", "noisy"):
        for path in sorted((real / "vbdmd" / side).glob("*.wav"))[:3]:
            (tmp_path / "a" / side).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / "a" / side)
            wave, rate = audio.read(path)
            other = soxr.resample(soxr.resample(wave, rate, 48000, "VHQ"), 48000, rate, "LQ")[: wave.size]
            (tmp_path / "b" / side).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "b" / side / path.name, other, rate, "PCM_16")
    assert main(["data", "compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    told = capsys.readouterr().out
    assert "0 of 3 common recordings are equal" in told
    assert "copies by another resampler" in told
    assert "PESQ of the noisy recordings" in told


@pytest.mark.slow
def test_leaks_among_real_recordings(real: Path) -> None:
    files = sorted((real / "speech").rglob("*.flac"))
    items = [Source("clip", path.stem, path.parent.name, sound_print(*audio.read(path))) for path in files]
    training = Training(Sources(items[::2]))
    for path in files[1::2]:
        wave, _ = audio.read(path)
        for part in (wave, wave[16000 : 16000 + 9600]):
            assert training.by_content(Source("clip", path.stem, "", sound_print(part, 16000, 64))) is None
    for path in files[::2]:
        wave, _ = audio.read(path)
        loud = int(np.convolve(wave**2, np.ones(9600), "valid").argmax())  # 0.6 s that are no pause
        for part in (wave[3000:-2000], wave[loud : loud + 9600]):
            copy = 0.3 * soxr.resample(part, 16000, 11025, "LQ")
            found = training.by_content(Source("clip", "", "", sound_print(copy, 11025, 64)))
            assert found is not None, path
            assert found.name == path.stem


def test_rooms_among_real_responses(real: Path) -> None:
    files = sorted((real / "rir").glob("*.flac"))
    responses = {path.stem: audio.read(path)[0] for path in files}
    items = [Source("room", name, "", response_print(one, 16000)) for name, one in responses.items()]
    training = Training(Sources(items[::2]))
    for place, (name, response) in enumerate(responses.items()):
        later = np.concatenate([np.zeros(777, np.float32), response])
        other_rate = soxr.resample(soxr.resample(response, 16000, 44100, "HQ"), 44100, 16000, "LQ")
        for copy in (response, 0.05 * response, later, response[40:2400], other_rate.astype(np.float32)):
            found = training.by_content(Source("room", "", "", response_prints(copy, 16000)))
            assert (found and found.name) == (None if place % 2 else name)


def test_no_leak_between_the_speech_and_another_corpus_of_it(real: Path) -> None:
    training = Training(
        Sources(
            [
                Source("noise", path.stem, "", sound_print(*audio.read(path)))
                for path in sorted((real / "noise").rglob("*.flac"))
                if "vbtest" not in path.name
            ]
        )
    )
    data = PairedFolder(real / "vbdmd")
    for name in data.ids()[:4]:
        assert list(training.leaks(of_utterance(data.load(name)))) == []
    planted = Training(
        Sources(
            [
                Source("noise", path.stem, "", sound_print(*audio.read(path)))
                for path in sorted((real / "noise/demand_vbtest").glob("*.flac"))
            ]
        )
    )
    assert [leak.trained for leak in planted.leaks(of_utterance(data.load("p232_003")))] == ["vbtest_p232_003"]
