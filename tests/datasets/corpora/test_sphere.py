"""NIST SPHERE whose samples shorten compressed: decoded to the sample, refused with what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.datasets.corpora import sphere
from tests.datasets.corpora.shorten import BIG_ENDIAN, BLOCK, LITTLE_ENDIAN
from tests.datasets.corpora.shorten import sphere as compressed
from tests.datasets.corpora.test_mixtures import speech


def samples(channels: int = 1) -> np.ndarray:
    """Speech with a pause and with full scale in it, int16 ``[samples, channels]``."""
    rng = np.random.default_rng(1)
    wave = np.stack([speech(n) for n in range(channels)], axis=1) * 32768
    wave[3000:5000] = 0
    wave[6000:6100] = rng.integers(-32768, 32768, (100, channels))
    return np.rint(wave).astype(np.int16)


@pytest.fixture
def without_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))


@pytest.mark.parametrize("kind", [BIG_ENDIAN, LITTLE_ENDIAN])
def test_every_sample_comes_out(kind: int, tmp_path: Path, without_programs: None) -> None:
    pytest.importorskip("av")
    path = tmp_path / "011c0201.wv1"
    path.write_bytes(compressed(samples(), 16000, kind))
    whole = len(samples()) // BLOCK * BLOCK
    assert sphere.is_compressed(path)
    assert sphere.extent(path) == (whole, 16000)
    wave, rate = sphere.read(path)
    assert rate == 16000
    np.testing.assert_array_equal(wave * 32768, samples()[:whole, 0])


def test_a_channel_of_several(tmp_path: Path, without_programs: None) -> None:
    pytest.importorskip("av")
    path = tmp_path / "two.sph"
    path.write_bytes(compressed(samples(2), 8000))
    wave, rate = sphere.read(path, channel=1)
    assert rate == 8000
    np.testing.assert_array_equal(wave * 32768, samples(2)[: wave.size, 1])
    with pytest.raises(UserError, match="2 channels"):
        sphere.read(path)


def test_damaged_files_are_one_line(tmp_path: Path, without_programs: None) -> None:
    pytest.importorskip("av")
    path = tmp_path / "a.wv1"
    whole = compressed(samples(), 16000)
    for damaged in (whole[: len(whole) // 2], whole[:1030], whole[:1024] + bytes(500)):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.wv1: (cut off|FFmpeg)"):
            sphere.read(path)
    path.write_bytes(whole.replace(b"-s26 pcm,", b"-s27 ulaw,", 1).replace(b"end_head\n ", b"end_head\n", 1))
    with pytest.raises(UserError, match="its coding needs sph2pipe"):
        sphere.read(path)


def test_without_a_reader_it_says_what_to_install(
    tmp_path: Path, without_programs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "a.wv1"
    path.write_bytes(compressed(samples(), 16000))
    with pytest.raises(
        UserError, match=r"compressed with shorten: pip install 'sebench\[sphere\]', or install sph2pipe"
    ):
        sphere.read(path)
