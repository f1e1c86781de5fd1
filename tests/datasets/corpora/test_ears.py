"""EARS-WHAM and EARS-Reverb generated from tiny trees in the corpora's layout: what each version does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import fftconvolve

from bench.core.errors import UserError
from bench.core.lag import lag
from bench.core.loudness import loudness
from bench.datasets import create
from bench.datasets.corpora.ears import Options, _parts
from bench.datasets.corpora.responses import CORPORA, channels, read
from bench.datasets.recipes.ears_mix import RATE, high_pass
from bench.datasets.synthesis.rooms import measure_t60
from tests.datasets.corpora.test_mixtures import made, planned

SMALL: dict[str, Any] = {"shortest": 0.5, "piece": 1.0, "longest": 2.0}
"""The recipe's lengths in seconds, a tenth or so of the real ones."""


def speech(seed: int, seconds: float, level: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * rng.uniform(100, 180) * k * t) / k for k in range(1, 12))
    return level * wave * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))


def write(path: Path, wave: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, "FLOAT")


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for number, speaker in enumerate(("p001", "p100", *(f"p{n}" for n in range(101, 108)))):
        write(folder / f"EARS/{speaker}/emo_anger_sentences.wav", speech(number, 0.7))
        write(folder / f"EARS/{speaker}/vegetative_eating.wav", speech(number, 0.7))
        write(folder / f"EARS/{speaker}/rainbow_01_whisper.wav", speech(100 + number, 0.2))
    long = np.concatenate([speech(50, 1.0), 1e-5 * speech(51, 1.0), speech(52, 0.8)])
    write(folder / "EARS/p001/freeform_speech_01.wav", long)
    write(folder / "EARS/p001/sentences_01_whisper.wav", 1e-2 * speech(53, 0.7))
    cuts = {f"p{n}": {"emo_anger_sentences": [[0, -1]], "rainbow_01_whisper": [[2000, 7000]]} for n in range(102, 108)}
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/test_files.json").write_text(json.dumps(cuts))
    return folder


@pytest.fixture
def wham(corpora: Path) -> Path:
    rows = ["Filename,File Length (sec),WHAM! Split"]
    for split, name in (("Train", "a_1"), ("Valid", "b_2"), ("Test", "c_3"), ("Train", "short_4")):
        seconds = 0.1 if name.startswith("short") else 3.0
        wave = 0.05 * np.random.default_rng(len(rows)).standard_normal((round(seconds * RATE), 2))
        write(corpora / f"WHAM48kHz/high_res_wham/audio/{name}.wav", wave * [1, 0.3])
        rows.append(f"{name}.wav,{seconds},{split}")
    (corpora / "WHAM48kHz/high_res_wham/high_res_metadata.csv").write_text("\n".join(rows) + "\n")
    return corpora


def response(seed: int, t60: float, seconds: float, rate: int = RATE) -> np.ndarray:
    """A direct sound after 10 ms, and a tail of noise that decays by 60 dB in ``t60`` s."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    tail = 0.05 * rng.standard_normal(t.size) * 10 ** (-3 * t / t60)
    return np.concatenate([np.zeros(round(0.01 * rate)), [0.8], tail])


@pytest.fixture
def rooms(corpora: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    short, long = response(1, 0.3, 0.5), response(2, 4.0, 3.0)
    write(corpora / "ACE-Challenge/ACE_Corpus_RIRN_Single/Single/Office_1/1/Single_403a_1_RIR.wav", short)
    write(corpora / "ACE-Challenge/ACE_Corpus_RIRN_Single/Single/Office_1/1/Single_403a_1_Ambient.wav", short)
    write(corpora / "AIR/AIR_1_4/AIR_wav_files/air_binaural_aula_0_1.wav", np.stack([short, 0.5 * short], 1))
    write(
        corpora / "ARNI/numClosed_0-5/IR_numClosed_0_numComb_1_mic_1_sweep_1.wav", response(3, 0.4, 0.5, 44100), 44100
    )
    bad = "ARNI/numClosed_26-35/IR_numClosed_28_numComb_2743_mic_4_sweep_5.wav"
    write(corpora / bad, response(4, 0.4, 0.5, 44100), 44100)
    write(corpora / "DetmoldSRIR/SetA_SingleSources/Data/a/b.wav", long)
    write(corpora / "Palimpsest/hall/x.wav", np.stack([short, short], 1))
    for name in ("BRUDEX/rir/room/x.mat", "dEchorate/sofa/y.sofa"):
        (corpora / name).parent.mkdir(parents=True)
    with h5py.File(corpora / "BRUDEX/rir/room/x.mat", "w") as file:  # as MATLAB 7.3 stores [samples, channels]
        file["data"], file["fs"] = np.stack([short, 0.5 * short, short]), [[float(RATE)]]
    with h5py.File(corpora / "dEchorate/sofa/y.sofa", "w") as file:  # [measurements, receivers, samples]
        file["Data.IR"], file["Data.SamplingRate"] = np.stack([[short, -0.2 * short]]), [float(RATE)]
    return corpora


def prepared(name: str, folder: Path, out: Path, **keys: Any) -> str:
    wanted = planned(name, corpora=folder, scripts=folder.parent / "scripts", **SMALL, **keys)
    return str(made(wanted, out))


def test_pieces_are_cut_as_the_scripts_cut() -> None:
    def parts(seconds: float) -> list[tuple[float, float]]:
        return [(start / RATE, end / RATE) for start, end in _parts(round(seconds * RATE), Options())]

    last = 1 / RATE  # their slice [start:-1] loses a sample
    assert parts(3.99) == []
    assert parts(13.9) == [(0, 13.9)]
    assert parts(14) == [(0, 10), (10, pytest.approx(14 - last))]
    assert parts(23.9) == [(0, 10), (10, pytest.approx(23.9 - last))]
    assert parts(24) == [(0, 10), (10, 20), (20, pytest.approx(24 - last))]


def test_version_1_of_ears_wham(wham: Path, tmp_path: Path) -> None:
    out = prepared("ears_wham", wham, tmp_path / "out")
    train = create("ears_wham", split="train", dir=out)
    assert train.ids() == [
        "p001/emo_anger_sentences_00",
        *(f"p001/freeform_speech_01_{n:02}" for n in range(3)),
        "p001/sentences_01_whisper_00",
    ]
    assert create("ears_wham", split="valid", dir=out).ids() == [
        f"{p}/emo_anger_sentences_00" for p in ("p100", "p101")
    ]
    dry, _ = soundfile.read(wham / "EARS/p001/freeform_speech_01.wav")
    clips = [train.load(name) for name in train.ids()[1:4]]
    assert all(clip.sample_rate == RATE for clip in clips)
    clean = np.concatenate([clip.clean for clip in clips])
    assert np.abs(clean - dry[:-1]).max() < 2**-22  # neither filtered nor scaled
    noise = np.concatenate([clip.noisy for clip in clips]) - clean
    heard = loudness(dry, RATE) - loudness(np.append(noise, noise[:1]), RATE)
    assert heard == pytest.approx(clips[0].tags["snr"], abs=0.06)  # one draw for all pieces of a file
    assert len({clip.tags["snr"] for clip in clips}) == len({clip.tags["noise"] for clip in clips}) == 1
    assert -2.5 <= float(clips[0].tags["snr"]) <= 17.5
    assert all(train.tags(name)["noise"] != "short_4" for name in train.ids())


def test_version_2_of_ears_wham_splits_noise_filters_speech_and_leaves_empty_pieces_out(
    wham: Path, tmp_path: Path
) -> None:
    out = prepared("ears_wham_v2", wham, tmp_path / "out")
    train = create("ears_wham_v2", split="train", dir=out)
    assert train.ids() == [
        "p001/emo_anger_sentences_00",
        *(f"p001/freeform_speech_01_{n:02}" for n in (0, 2)),
        "p001/sentences_01_whisper_00",  # as quiet, but whispered
    ]
    for split, noise in (("train", "a_1"), ("valid", "b_2"), ("test", "c_3")):
        data = create("ears_wham_v2", split=split, dir=out)
        assert {data.tags(name)["noise"] for name in data.ids()} == {noise}
    dry, _ = soundfile.read(wham / "EARS/p001/emo_anger_sentences.wav", dtype="float32")
    clip = train.load("p001/emo_anger_sentences_00")
    assert clip.clean is not None
    assert np.abs(clip.clean - high_pass(dry, RATE, 75)).max() < 2**-22
    assert np.abs(clip.clean - dry).max() > 1e-3


def test_a_high_pass_of_second_order() -> None:
    t = np.arange(RATE) / RATE
    for frequency, gain in ((37.5, -12.3), (75, -3.0), (750, 0.0)):
        tone = 0.5 * np.sin(2 * np.pi * frequency * t)
        passed = high_pass(tone.astype(np.float32), RATE, 75)[RATE // 2 :]
        assert 20 * np.log10(passed.std() / tone[RATE // 2 :].std()) == pytest.approx(gain, abs=0.1)


@pytest.mark.parametrize("rate", [48000, 16000])
def test_test_recordings_are_cut_and_faded(rate: int, wham: Path, tmp_path: Path) -> None:
    name = "ears_wham" if rate == 48000 else "ears_wham_16k"
    test = create(name, dir=prepared(name, wham, tmp_path / "out", splits=["test"]))
    assert len(test.ids()) == 12
    clip = test.load("p103/rainbow_01_whisper_00")
    assert (clip.sample_rate, clip.noisy.size) == (rate, 5000 * rate // 48000 + (rate != 48000))
    assert clip.tags["style"] == "whisper"
    assert clip.clean is not None
    if rate == 48000:
        dry, _ = soundfile.read(wham / "EARS/p103/rainbow_01_whisper.wav")
        ramp = round(0.01 * rate)
        assert clip.noisy[0] == clip.noisy[-1] == 0
        assert clip.clean[ramp // 2] == pytest.approx(dry[2000 + ramp // 2] * (ramp // 2) / (ramp - 1), abs=1e-5)
        assert np.abs(clip.clean - dry[2000:7000])[ramp:-ramp].max() < 2**-22


def test_every_style_is_tested_at_all_levels(wham: Path, tmp_path: Path) -> None:
    cuts = {"p102": {"emo_anger_sentences": [[k, 30000 + k] for k in range(12)]}}
    (tmp_path / "scripts/test_files.json").write_text(json.dumps(cuts))
    test = create("ears_wham", dir=prepared("ears_wham", wham, tmp_path / "out", splits=["test"]))
    for level, snr in enumerate(sorted(float(test.tags(name)["snr"]) for name in test.ids())):
        assert level * 20 / 12 - 0.05 <= snr + 2.5 <= (level + 1) * 20 / 12 + 0.05  # rounded to 0.1 dB


def test_the_snr_is_raised_where_the_mixture_would_clip(wham: Path, tmp_path: Path) -> None:
    write(wham / "EARS/p001/emo_anger_sentences.wav", speech(1, 0.7) / np.abs(speech(1, 0.7)).max() * 0.97)
    out = prepared("ears_wham", wham, tmp_path / "out", splits=["train"], snr=[-2.5, -2.5])
    train = create("ears_wham", split="train", dir=out)
    clip = train.load("p001/emo_anger_sentences_00")
    assert float(clip.tags["snr"]) > 5
    assert (float(clip.tags["snr"]) + 2.5) % 1 == 0
    assert 0.9 < np.abs(clip.noisy).max() < 1


@pytest.mark.parametrize("version", [1, 2])
def test_ears_reverb(version: int, rooms: Path, tmp_path: Path) -> None:
    name = "ears_reverb" if version == 1 else "ears_reverb_v2"
    out = prepared(name, rooms, tmp_path / "out")
    test = create(name, dir=out)
    used = {}
    for split in ("train", "valid", "test"):
        data = create(name, split=split, dir=out)
        used[split] = {data.tags(one)["corpus"] for one in data.ids()}
    if version == 2:
        assert used["test"] == {"ACE-Challenge"}
        assert used["valid"] == {"AIR"}
        assert used["train"] <= {corpus for corpus, (_, split) in CORPORA.items() if split == "train"}
    else:
        assert len(used["test"]) > 1
    assert all("DetmoldSRIR" not in corpora for corpora in used.values())  # its T60 is 4 s
    clip = test.load("p104/emo_anger_sentences_00")
    assert clip.clean is not None
    assert clip.tags["t60"] == pytest.approx(0.3, abs=0.15)
    inside = slice(RATE // 50, -RATE // 50)  # without the fades
    assert loudness(clip.noisy[inside], RATE) == pytest.approx(loudness(clip.clean[inside], RATE), abs=0.5)
    if version == 2:
        rir, _ = read(rooms / "ACE-Challenge/ACE_Corpus_RIRN_Single/Single/Office_1/1/Single_403a_1_RIR.wav")
        wet = fftconvolve(clip.clean, rir[np.abs(rir).argmax() :])[: clip.noisy.size]
        assert lag(wet.astype(np.float32)[inside], clip.noisy[inside], 1000).samples == 0  # direct sound first
        assert np.corrcoef(wet[inside], clip.noisy[inside])[0, 1] > 0.99  # but for the fades


def test_responses_in_every_format(rooms: Path) -> None:
    short = response(1, 0.3, 0.5)
    for name, count, gains in (
        ("BRUDEX/rir/room/x.mat", 3, (1, 0.5, 1)),
        ("dEchorate/sofa/y.sofa", 2, (1, -0.2)),
        ("AIR/AIR_1_4/AIR_wav_files/air_binaural_aula_0_1.wav", 2, (1, 0.5)),
    ):
        assert channels(rooms / name) == count
        for channel, gain in enumerate(gains):
            samples, rate = read(rooms / name, channel)
            assert rate == RATE
            assert np.abs(samples - gain * short).max() < 1e-6
    samples, rate = read(rooms / "ARNI/numClosed_0-5/IR_numClosed_0_numComb_1_mic_1_sweep_1.wav")
    assert (rate, measure_t60(samples, rate)) == (44100, pytest.approx(0.4, abs=0.05))
    (rooms / "dEchorate/sofa/y.sofa").write_bytes(b"CDF\x01")
    with pytest.raises(UserError, match=r"y.sofa: no room response that can be read"):
        read(rooms / "dEchorate/sofa/y.sofa")


def test_what_is_missing_is_told(wham: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"needs corpora=FOLDER \(the folder with EARS and WHAM48kHz"):
        planned("ears_wham")
    with pytest.raises(UserError, match="no room of the train split; missing there: ACE-Challenge, AIR"):
        planned("ears_reverb_v2", corpora=wham)
    write(wham / "AIR/AIR_1_4/AIR_wav_files/a.wav", response(1, 0.3, 0.5))
    with pytest.raises(UserError, match=r"no room of ACE-Challenge, ARNI, .* partial=true"):
        planned("ears_reverb", corpora=wham)
    assert planned("ears_reverb", corpora=wham, partial=True, **SMALL).partial[0].endswith("DetmoldSRIR, Palimpsest")
    with pytest.raises(UserError, match=r"unknown split of ears_wham 'test'.*; no test recordings: test_files.json of"):
        planned("ears_wham", corpora=wham, splits=["test"], **SMALL)
    (wham / "EARS/p103/emo_anger_sentences.wav").unlink()
    with pytest.raises(UserError, match=r"1 of 12 test files are missing \(p103/emo_anger_sentences.wav\)"):
        planned("ears_wham", corpora=wham, scripts=tmp_path / "scripts")
    (wham / "WHAM48kHz/high_res_wham/audio/b_2.wav").unlink()
    with pytest.raises(UserError, match=r"1 of 4 files are missing \(b_2.wav\)"):
        planned("ears_wham_v2", corpora=wham)
    (wham / "EARS/p107").rename(wham / "EARS/q107")
    (wham / "EARS/p107.zip").touch()
    with pytest.raises(UserError, match=r"the speakers p107 are missing; unpack p107.zip"):
        planned("ears_wham", corpora=wham)


def test_equal_bytes_under_one_and_two_workers(wham: Path, tmp_path: Path) -> None:
    from bench.datasets.corpora.preparing import prepare

    wanted = planned("ears_wham_v2", corpora=wham, scripts=tmp_path / "scripts", **SMALL)
    folders = [prepare(wanted, tmp_path / str(workers), workers).folder for workers in (0, 2)]
    one, two = ((folder / "checksums.txt").read_text() for folder in folders)
    assert one == two
