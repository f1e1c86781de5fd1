"""Planted leaks of every kind, by every copy, are named, and no innocent pair is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr
from scipy.signal import fftconvolve, lfilter

from bench.core.errors import UserError
from bench.core.types import Audio, Utterance
from bench.datasets.leaks import sources as store
from bench.datasets.leaks.prints import response_print, sound_print
from bench.datasets.leaks.search import Training
from bench.datasets.leaks.sources import Source, Sources, of_utterance, tells

RATE = 16000


def sound(seed: int, seconds: float = 4.0) -> Audio:
    """Something like speech: coloured noise and tones that change every 0.15 s, with pauses."""
    rng = np.random.default_rng(seed)
    pieces = []
    for _ in range(round(seconds / 0.15)):
        t = np.arange(round(0.15 * RATE)) / RATE
        pitch = rng.uniform(90, 250)
        tones = sum(rng.uniform(0, 1) / k * np.sin(2 * np.pi * pitch * k * t) for k in range(1, 25))
        pieces.append((rng.random() > 0.2) * (tones + 0.3 * rng.standard_normal(t.size)))
    return (0.05 * np.concatenate(pieces)).astype(np.float32)


def noise(seed: int, seconds: float = 5.0) -> Audio:
    rng = np.random.default_rng(1000 + seed)
    return (0.05 * lfilter([1], [1, -0.7], rng.standard_normal(round(seconds * RATE)))).astype(np.float32)


def response(seed: int) -> Audio:
    rng = np.random.default_rng(2000 + seed)
    tail = 0.05 * rng.standard_normal(6000) * np.exp(-np.arange(6000) / 1500)
    return np.concatenate([np.zeros(40), [1.0], tail]).astype(np.float32)


COPIES = ("exact", "resampled", "level", "trimmed", "short")


def copy_of(signal: Audio, how: str) -> Audio:
    """A copy: by another resampler, at another level, without its beginning and end, or less than a second of it."""
    match how:
        case "resampled":
            return soxr.resample(soxr.resample(signal, RATE, 11025, "LQ"), 11025, RATE, "QQ").astype(np.float32)
        case "level":
            return 0.1 * signal
        case "trimmed":
            return 0.3 * signal[7001:-3001]
        case "short":
            return signal[20011 : 20011 + round(0.7 * RATE)]
    return signal


def copy_of_response(room: Audio, how: str) -> Audio:
    match how:
        case "trimmed":
            return room[30:1800]
        case "short":  # what a file keeps that begins with its direct sound and ends early
            return room[40 : 40 + round(0.05 * RATE)]
    return copy_of(room, how)


def trained() -> Sources:
    clips = [Source("clip", f"train/{n}", f"p30{n}", sound_print(sound(n), RATE)) for n in range(10)]
    noises = [Source("noise", f"street/{n}", f"street{n}_2024", sound_print(noise(n), RATE)) for n in range(10)]
    rooms = [Source("room", f"hall/{n}", f"hall{n}_17", response_print(response(n), RATE)) for n in range(10)]
    return Sources([*clips, *noises, *rooms])


def utterance(name: str, clean: Audio, noisy: Audio, **tags: str | float) -> Utterance:
    size = min(clean.size, noisy.size)
    stored = (np.rint(one[:size] * 32768) / 32768 for one in (clean, noisy))
    clean, noisy = (one.astype(np.float32) for one in stored)
    return Utterance(name, noisy, RATE, clean, tags=tags)


def planted() -> dict[str, tuple[Utterance, set[tuple[str, str]]]]:
    """Test recordings, each with what of it is in the training: every kind by every copy, and speakers by name."""
    tests: dict[str, tuple[Utterance, set[tuple[str, str]]]] = {}

    def add(name: str, clean: Audio, noisy: Audio, what: str, trained: str, **tags: str | float) -> None:
        tests[name] = utterance(name, clean, noisy, **tags), {(what, trained)}

    for n, how in enumerate(COPIES):
        copy, fresh = copy_of(sound(3), how), sound(100 + n)
        add(f"clip {how}", copy, copy + 0.3 * noise(100 + n)[: copy.size], "clip", "train/3")
        heard = copy_of(noise(4), how)
        start = fresh[: heard.size]
        add(f"noise {how}", start, start + heard[: start.size], "noise", "street/4")
        dry = np.roll(sound(120 + n), 40)
        wet = fftconvolve(sound(120 + n), copy_of_response(response(n), how))[: dry.size].astype(np.float32)
        add(f"room {how}", dry, wet, "room", f"hall/{n}", t60=0.6)
        loud = wet + 0.1 * noise(130 + n)[: wet.size] * np.float32(wet.std() / 0.05)
        add(f"noisy room {how}", dry, loud, "room", f"hall/{n}", t60=0.6, snr=20.0)
        name = f"p30{n}".upper() if n % 2 else f"p30{n}"
        fresh = sound(140 + n)
        add(f"speaker {name}", fresh, fresh + 0.2 * noise(140 + n)[: fresh.size], "speaker", f"p30{n}", speaker=name)
    dry, wet = sound(150), fftconvolve(sound(150), response(60))[: sound(150).size].astype(np.float32)
    add("room by its name", dry, wet, "room", "hall7_17", t60=0.6, room="hall7_17")
    street = sound(151)
    add("noise by its name", street, street + noise(151)[: street.size], "noise", "street5_2024", noise="street5_2024")
    return tests


def innocent() -> list[Utterance]:
    clips = [
        utterance(
            f"innocent-{n}",
            sound(200 + n),
            sound(200 + n) + noise(200 + n)[: sound(200 + n).size],
            speaker=name,
            noise=f"other/{n}",
        )
        for n, name in enumerate(("p400", "01", "anna", "speaker", "male", ""))
    ]
    short = [
        utterance(f"innocent-short-{n}", sound(220 + n, 0.75), sound(220 + n, 0.75) + noise(220 + n, 0.75))
        for n in range(20)
    ]
    rooms = []
    for n in range(10):
        wet = fftconvolve(sound(210 + n), response(50 + n))[: sound(210 + n).size].astype(np.float32)
        rooms.append(utterance(f"innocent-room-{n}", np.roll(sound(210 + n), 40), wet, t60=0.5, room="office 1"))
    steady = (0.1 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE)).astype(np.float32)
    silent = np.zeros(4 * RATE, np.float32)
    return [
        *clips,
        *short,
        *rooms,
        utterance("innocent-tone", steady, steady + noise(211)[: steady.size]),
        utterance("innocent-silence", silent, silent),
        utterance("too short to tell", sound(0)[:5000], sound(0)[:5000]),
    ]


def found(training: Training, one: Utterance, corpora: tuple[str, ...] = ()) -> set[tuple[str, str]]:
    return {(leak.what, leak.trained) for leak in training.leaks(of_utterance(one), corpora)}


def test_every_planted_leak_is_named_and_no_innocent_pair(tmp_path: Path) -> None:
    store.write(tmp_path / "weights.sources.npz", trained())
    training = Training(store.read(tmp_path / "weights.sources.npz"))
    tests = planted()
    assert len(tests) == 27
    for name, (one, expected) in tests.items():
        assert found(training, one) == expected, name
    for one in innocent():
        assert found(training, one) == set(), one.id


def test_names_count_within_a_corpus_or_where_they_tell() -> None:
    known = Training(Sources([Source("clip", "a", "p101", np.zeros(0, np.uint32))], ("EARS",)))
    one = utterance("x", sound(300), sound(300), speaker="p101")
    assert found(known, one, ("EARS", "WHAM!")) == {("speaker", "p101")}
    assert found(known, one, ("VCTK",)) == set()
    assert found(known, one) == {("speaker", "p101")}
    assert list(map(tells, ("p226", "1688", "011", "01", "anna", "speaker1", "Speaker 01", "440c"))) == [
        *(True, True, False, False, False, False, False, True)
    ]


def test_prints_are_compact(tmp_path: Path) -> None:
    assert sound_print(sound(0, 9.0), RATE).nbytes < 9.0 * 130
    store.write(tmp_path / "a.sources.npz", trained())
    assert (tmp_path / "a.sources.npz").stat().st_size < 30_000


def test_prints_of_an_earlier_format_are_compared_with_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FORMAT", 1)
    store.write(tmp_path / "old.sources.npz", trained())
    monkeypatch.undo()
    old = store.read(tmp_path / "old.sources.npz")
    assert not old.prints
    clip = utterance("x", sound(3), sound(3), speaker="p303")
    assert found(Training(old), clip) == {("speaker", "p303")}  # names are


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "w.sources.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match="not the sources of a training"):
        store.read(tmp_path / "w.sources.npz")
