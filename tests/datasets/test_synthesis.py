"""Generated speech, noise, rooms and mixtures keep what they promise."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.datasets.recipes import mixing
from bench.datasets.synthesis import flite, pool
from bench.datasets.synthesis.noise import noises, rumbling, white
from bench.datasets.synthesis.rooms import LONGEST, SHORTEST, Room, draw_room, measure_t60, measured_room
from bench.datasets.synthesis.sentences import draw_sentence, split_of, spoken
from bench.datasets.synthesis.speech import LEVEL, synthesise
from bench.datasets.synthesis.voices import VOICES, Voice, draw_voice

pytest.importorskip("espeakng_loader")
pytest.importorskip("pyroomacoustics")

RATE = 16000
TEXT = "nine golden apples fell slowly behind the house"


def digest(*signals: np.ndarray) -> str:
    return hashlib.sha256(b"".join(signal.tobytes() for signal in signals)).hexdigest()


def median_f0(signal: np.ndarray) -> float:
    """Median over loud 40 ms frames of the autocorrelation's highest peak between 60 and 400 Hz, in Hz."""
    frames = signal[: signal.size // 640 * 640].reshape(-1, 640)
    frames = frames[np.mean(frames**2, axis=1) > 10 ** (LEVEL / 10)]
    correlation = np.fft.irfft(np.abs(np.fft.rfft(frames, 2048)) ** 2)
    return float(RATE / np.median(40 + np.argmax(correlation[:, 40:267], axis=1)))


# Speech


def test_speech_depends_on_its_arguments_alone() -> None:
    first = synthesise(TEXT, "en-us+m3", seed=7)
    synthesise("something else", "en-029+grandma", pitch=70)
    assert digest(synthesise(TEXT, "en-us+m3", seed=7)) == digest(first)
    command = "import hashlib; from bench.datasets.synthesis.speech import synthesise; "
    command += f"print(hashlib.sha256(synthesise({TEXT!r}, 'en-us+m3', seed=7).tobytes()).hexdigest())"
    other = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest(first)


def test_speech_has_its_level_and_is_trimmed() -> None:
    said = synthesise(TEXT, "en-gb-scotland+Andrea")
    assert said.dtype == np.float32 and said.ndim == 1
    powers = np.mean(said[: said.size // 320 * 320].reshape(-1, 320) ** 2, axis=1)
    assert 10 * np.log10(powers[powers > powers.max() * 1e-3].mean()) == pytest.approx(LEVEL, abs=0.1)
    loud = np.flatnonzero(np.abs(said) > 10 ** (-50 / 20) * np.abs(said).max())
    assert loud[0] <= 0.05 * RATE and said.size - loud[-1] <= 0.05 * RATE + 1


def test_rate_and_pitch_act() -> None:
    slow, fast = (synthesise(TEXT, "en-us+f1", words_per_minute=rate) for rate in (120, 200))
    assert slow.size > 1.3 * fast.size
    low, high = (median_f0(synthesise(TEXT, "en-us+f1", pitch=pitch)) for pitch in (20, 80))
    assert high > 1.3 * low


@pytest.mark.parametrize("voice", ["en-us+nobody", "xx", "xx+f1"])
def test_an_unknown_voice_is_refused(voice: str) -> None:
    with pytest.raises(UserError, match="no voice"):
        synthesise(TEXT, voice)


def test_silent_text_is_refused() -> None:
    with pytest.raises(UserError, match="nothing to say"):
        synthesise("", "en-us")


# Voices


def test_splits_share_neither_accent_nor_variant() -> None:
    for one, other in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert not {v.accent for v in VOICES[one]} & {v.accent for v in VOICES[other]}
        assert not {v.variant for v in VOICES[one]} & {v.variant for v in VOICES[other]}


def test_enough_voices_of_both_sexes() -> None:
    for split, least in (("train", 20), ("valid", 1), ("test", 3)):
        for sex in ("female", "male"):
            assert sum(voice.sex == sex for voice in VOICES[split]) >= least
    rng = np.random.default_rng(0)
    drawn = [draw_voice(rng, "train").sex for _ in range(400)]
    assert 150 < drawn.count("female") < 250


def test_every_voice_exists_and_no_two_of_the_test_sound_alike() -> None:
    for variant in {voice.variant: voice for voices in VOICES.values() for voice in voices}.values():
        assert synthesise("hello", variant.name).any()
    spectra, pitches = [], []
    for voice in VOICES["test"]:
        said = synthesise(TEXT, "en-us+" + voice.variant)
        frames = np.lib.stride_tricks.sliding_window_view(said, 512)[::256] * np.hanning(512)
        bands = np.array_split(np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)[2:], 16)
        decibels = 10 * np.log10([band.mean() for band in bands])
        spectra.append(decibels - decibels.mean())
        pitches.append(12 * np.log2(median_f0(said)))
    for i in range(6):
        for j in range(i):
            colour = np.sqrt(np.mean((spectra[i] - spectra[j]) ** 2))
            assert colour > 2 or abs(pitches[i] - pitches[j]) > 2, (VOICES["test"][i], VOICES["test"][j])


def test_women_of_the_test_speak_higher_than_its_men() -> None:
    pitch = {voice: median_f0(synthesise(TEXT, voice.name)) for voice in VOICES["test"]}
    assert min(f for v, f in pitch.items() if v.sex == "female") > max(f for v, f in pitch.items() if v.sex == "male")


# Flite


def test_flites_voices_belong_to_one_split_each_and_the_demo_has_none() -> None:
    assert not set(flite.VOICES["train"]) & set(flite.VOICES["valid"])
    assert flite.VOICES["train"] and flite.VOICES["valid"] and not flite.VOICES["test"]


def test_without_flite_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    flite._installed_voices.cache_clear()
    with pytest.raises(UserError, match="apt install flite"):
        flite.synthesise(TEXT, "slt")


@pytest.fixture
def installed_flite() -> None:
    if shutil.which("flite") is None:
        pytest.skip("flite is not installed")
    flite._installed_voices.cache_clear()


def test_flite_speaks_with_every_voice(installed_flite: None) -> None:
    assert flite.version()[0].isdigit()
    for voice in (*flite.VOICES["train"], *flite.VOICES["valid"]):
        said = flite.synthesise(TEXT, voice)
        assert said.dtype == np.float32 and 1.5 * RATE < said.size < 6 * RATE
        assert digest(said) == digest(flite.synthesise(TEXT, voice))
        assert flite.synthesise(TEXT, voice, stretch=1.3).size > 1.15 * said.size
    assert median_f0(flite.synthesise(TEXT, "slt", pitch=1.3)) > 1.1 * median_f0(flite.synthesise(TEXT, "slt"))
    with pytest.raises(UserError, match="no voice 'nobody'"):
        flite.synthesise(TEXT, "nobody")


# Sentences


@pytest.mark.parametrize("kind", ["free", "command"])
def test_a_sentence_belongs_to_one_split(kind: str) -> None:
    rng = np.random.default_rng(3)
    drawn = {split: {draw_sentence(rng, split, kind) for _ in range(200)} for split in ("train", "valid", "test")}
    assert all(split_of(sentence) == split for split, said in drawn.items() for sentence in said)
    assert not drawn["train"] & drawn["test"] and not drawn["train"] & drawn["valid"]
    assert all(len(said) > 180 for said in drawn.values())  # hardly any twice
    assert all(sentence == sentence.lower() and "{" not in sentence for sentence in drawn["train"])


def test_a_command_has_the_grid_corpus_form() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        verb, colour, preposition, letter, digit, adverb = draw_sentence(rng, "train", "command").split()
        assert verb in "bin lay place set" and colour in "blue green red white" and preposition in "at by in with"
        assert len(letter) == 1 and letter != "w" and len(digit) > 2 and adverb in "again now please soon"


def test_the_letter_a_is_said_as_a_letter() -> None:
    assert spoken("bin blue at a four now") == "bin blue at ay four now"
    assert spoken("without a sound the pilot fell slowly") == "without a sound the pilot fell slowly"


# Noise


@pytest.fixture(scope="module")
def speech() -> list[np.ndarray]:
    return [synthesise(TEXT, voice.name) for voice in VOICES["valid"]]


def test_every_noise_has_power_one_and_depends_on_its_generator_alone(speech: list[np.ndarray]) -> None:
    for name, noise in noises(speech).items():
        made = [noise(np.random.default_rng(seed), 30000, RATE) for seed in (1, 1, 2)]
        assert made[0].dtype == np.float32 and made[0].shape == (30000,), name
        assert mixing.power(made[0]) == pytest.approx(1, rel=1e-3), name
        assert digest(made[0]) == digest(made[1]) != digest(made[2]), name


def slope(signal: np.ndarray) -> float:
    """Of the power spectrum from 200 Hz to 6 kHz, in dB an octave."""
    power = np.mean(np.abs(np.fft.rfft(signal.reshape(-1, 2000) * np.hanning(2000))) ** 2, axis=0)
    frequency = np.fft.rfftfreq(2000, 1 / RATE)
    inside = (frequency > 200) & (frequency < 6000)
    return float(np.polyfit(np.log2(frequency[inside]), 10 * np.log10(power[inside]), 1)[0])


@pytest.mark.parametrize(("name", "expected"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)])
def test_the_colours_have_their_slopes(speech: list[np.ndarray], name: str, expected: float) -> None:
    assert slope(noises(speech)[name](np.random.default_rng(0), 400000, RATE)) == pytest.approx(expected, abs=0.15)


def test_speech_shaped_noise_has_the_spectrum_of_speech(speech: list[np.ndarray]) -> None:
    def bands(signal: np.ndarray) -> np.ndarray:
        frames = np.lib.stride_tricks.sliding_window_view(signal, 512)[::256] * np.hanning(512)
        power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)[2:]
        decibels = 10 * np.log10([band.mean() for band in np.array_split(power, 12)])
        return decibels - decibels.max()

    shaped = noises(speech)["speech_shaped"](np.random.default_rng(0), 160000, RATE)
    said = np.mean([10 ** (bands(one) / 10) for one in speech], axis=0)
    assert np.abs(bands(shaped) - 10 * np.log10(said)).max() < 5


def test_hum_lies_on_the_harmonics_of_the_mains(speech: list[np.ndarray]) -> None:
    for seed in range(4):
        power = np.abs(np.fft.rfft(noises(speech)["hum"](np.random.default_rng(seed), RATE, RATE))) ** 2
        best = max(sum(power[k * mains + d] for k in range(1, 26) for d in (-2, -1, 0, 1, 2)) for mains in (50, 60))
        assert best > 0.95 * power.sum()


def test_rumbling_raises_only_the_lowest_frequencies() -> None:
    noise = white(np.random.default_rng(0), 160000, RATE)
    for seed in range(4):
        raised = rumbling(np.random.default_rng(seed), noise, RATE)
        assert raised.dtype == np.float32 and raised.shape == noise.shape
        assert mixing.power(raised) == pytest.approx(1, rel=1e-3)
        ratio = np.abs(np.fft.rfft(raised)) ** 2 / np.abs(np.fft.rfft(noise)) ** 2
        hertz = np.fft.rfftfreq(noise.size, 1 / RATE)
        above = np.median(ratio[hertz > 1000])
        lifted = 10 * np.log10(np.median(ratio[(hertz > 5) & (hertz < 20)]) / above)
        assert 9.9 < lifted < 35.1
        assert np.ptp(ratio[(hertz > 1000) & (hertz < 7900)]) < 0.05 * above


# Rooms


@pytest.fixture(scope="module")
def room_draws() -> list[Room]:
    return [draw_room(seed, RATE) for seed in range(4)]


def test_rooms_have_the_reverberation_time_asked_for(room_draws: list[Room]) -> None:
    for room in room_draws:
        assert SHORTEST <= room.t60 <= LONGEST
        assert measure_t60(room.reverberant, RATE) == pytest.approx(room.t60, rel=0.05)


def test_an_exponential_decay_measures_as_itself() -> None:
    time = np.arange(2 * RATE) / RATE
    decay = np.random.default_rng(0).standard_normal(time.size) * 10 ** (-3 * time / 0.7)
    assert measure_t60(decay.astype(np.float32), RATE) == pytest.approx(0.7, rel=0.02)


def test_the_same_seed_is_the_same_room(room_draws: list[Room]) -> None:
    again = draw_room(0, RATE)
    assert digest(again.reverberant, again.anechoic) == digest(room_draws[0].reverberant, room_draws[0].anechoic)
    assert again.anechoic.size != room_draws[1].anechoic.size


def test_the_target_is_the_direct_sound_of_the_same_place(room_draws: list[Room]) -> None:
    for room in room_draws:
        arrival = int(np.argmax(np.abs(room.anechoic)))
        direct = np.abs(room.reverberant[arrival - 2 : arrival + 3])
        assert direct.max() == pytest.approx(np.abs(room.anechoic).max(), rel=0.1)
        # nothing reflected comes before it (only the skirts of the simulator's filters)
        assert np.abs(room.reverberant[: max(0, arrival - 41)]).max(initial=0) < 0.05 * direct.max()


def test_a_recorded_response_splits_into_its_direct_sound_and_the_whole() -> None:
    recorded = np.zeros(RATE, np.float32)
    recorded[2000:2004] = 0.5, 1, -0.3, 0.1  # the direct sound, late as after a long way
    recorded[3000], recorded[100] = 0.6, 1e-3  # an echo, and noise before
    room = measured_room(recorded, RATE)
    np.testing.assert_array_equal(np.flatnonzero(room.anechoic), [79, 80, 81, 82])  # 5 ms before it is kept
    np.testing.assert_allclose(room.anechoic[79:83], recorded[2000:2004], rtol=1e-6)
    assert room.reverberant[80] == 1 and room.reverberant[1079] == np.float32(0.6)
    assert room.anechoic.size <= 80 + 0.0025 * RATE


def test_a_simulated_room_measured_again_has_its_own_direct_sound(room_draws: list[Room]) -> None:
    for room in room_draws:
        again = measured_room(room.reverberant, RATE)
        arrival = int(np.argmax(np.abs(again.anechoic)))
        direct = room.anechoic[int(np.argmax(np.abs(room.anechoic))) - 20 :][:40]
        np.testing.assert_allclose(again.anechoic[arrival - 20 :][:40], direct, atol=0.2 * np.abs(direct).max())


def test_a_silent_response_is_refused() -> None:
    with pytest.raises(UserError, match="silent"):
        measured_room(np.zeros(100, np.float32), RATE)


# Mixing


@pytest.mark.parametrize("snr", [-5.0, 0.0, 7.3, 15.0])
def test_the_snr_is_the_one_asked_for(speech: list[np.ndarray], snr: float) -> None:
    noise = noises(speech)["pink"](np.random.default_rng(0), speech[0].size, RATE)
    clean, noisy = mixing.at_level(speech[0], mixing.add_noise(speech[0], noise, snr), -25)
    assert 10 * np.log10(mixing.power(clean) / mixing.power(noisy - clean)) == pytest.approx(snr, abs=1e-3)
    assert 10 * np.log10(mixing.power(noisy)) == pytest.approx(-25, abs=1e-3)


def test_silence_has_no_snr() -> None:
    with pytest.raises(ValueError, match="silent"):
        mixing.add_noise(np.zeros(100, np.float32), np.ones(100, np.float32), 0)


def test_nothing_clips_and_both_keep_one_gain() -> None:
    clean, noisy = np.float32([0.1, -0.2, 0.1]), np.float32([0.1, 0.9, -3.0])
    quiet_clean, quiet_noisy = mixing.at_level(clean, noisy, 0.0)
    assert np.abs(quiet_noisy).max() == pytest.approx(0.98)
    np.testing.assert_allclose(quiet_clean / clean, quiet_noisy / noisy, rtol=1e-6)


def test_noise_is_cut_or_looped_to_length() -> None:
    noise = np.arange(10, dtype=np.float32)
    cut = mixing.fit_noise(np.random.default_rng(0), noise, 4)
    np.testing.assert_array_equal(np.diff(cut), 1)
    looped = mixing.fit_noise(np.random.default_rng(0), noise, 25)
    assert looped.size == 25
    np.testing.assert_array_equal(np.diff(looped) % 10, 1)


def test_reverberation_is_aligned_with_its_target() -> None:
    room = Room(np.float32([0, 0, 1, 0, 0.5]), np.float32([0, 0, 1]), 0.5)
    said = np.float32([1, -1, 2])
    clean, noisy = mixing.reverberate(said, room, 4)
    np.testing.assert_allclose(clean, [0, 0, 1, -1, 2], atol=1e-6)
    np.testing.assert_allclose(noisy, [0, 0, 1, -1, 2.5], atol=1e-6)


# Pool


def test_a_pool_gives_back_what_was_stored(tmp_path: Path) -> None:
    signals = [np.arange(n, dtype=np.float32) for n in (3, 1, 7)]
    stored = pool.build(tmp_path / "pool", iter(signals), {"recipe": 1})
    assert len(stored) == 3
    for given, kept in zip(signals, stored, strict=True):
        np.testing.assert_array_equal(given, kept)
    with pytest.raises(IndexError):
        stored[3]
    again = pool.build(tmp_path / "pool", iter([np.zeros(1, np.float32)]), {})
    np.testing.assert_array_equal(again[2], signals[2])


def test_a_pool_is_written_one_signal_at_a_time(tmp_path: Path) -> None:
    alive = []

    def signals() -> Iterator[np.ndarray]:
        for _ in range(5):
            signal = np.zeros(1000, np.float32)
            alive.append(weakref.ref(signal))
            assert sum(one() is not None for one in alive) <= 2  # the one before may not be gone yet
            yield signal

    stored = pool.build(tmp_path / "pool", signals(), {})
    assert len(stored) == 5 and sorted(p.name for p in stored.folder.iterdir()) == [
        *("about.json", "samples.npy", "starts.npy")
    ]


def test_an_interrupted_pool_leaves_nothing(tmp_path: Path) -> None:
    def broken():
        yield np.zeros(3, np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.build(tmp_path / "pool", broken(), {})
    assert not list(tmp_path.iterdir())


def test_a_voice_is_called_as_espeak_calls_it() -> None:
    assert Voice("en-us", "f1", "female").name == "en-us+f1"
