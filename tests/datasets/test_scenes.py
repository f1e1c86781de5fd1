"""The demo's noises: power 1, as long as asked, the same for the same generator, each with its own character."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets.synthesis.make_demo import SCENES
from bench.datasets.synthesis.scenes import scenes

RATE, SAMPLES = 16000, 48000
TALKERS = [np.random.default_rng(i).normal(size=20000).astype(np.float32) * np.float32(0.1) for i in range(4)]
ALL = scenes(TALKERS)


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_noise_of_power_1(name: str) -> None:
    noise = ALL[name](np.random.default_rng(0), SAMPLES, RATE)
    assert noise.shape == (SAMPLES,) and noise.dtype == np.float32 and np.isfinite(noise).all()
    assert np.mean(noise.astype(np.float64) ** 2) == pytest.approx(1, rel=1e-3)
    np.testing.assert_array_equal(noise, ALL[name](np.random.default_rng(0), SAMPLES, RATE))
    assert not np.array_equal(noise, ALL[name](np.random.default_rng(1), SAMPLES, RATE))


def test_the_plan_uses_every_scene() -> None:
    assert set(SCENES) == set(ALL)


def spectrum(name: str) -> np.ndarray:
    return np.abs(np.fft.rfft(ALL[name](np.random.default_rng(0), SAMPLES, RATE))) ** 2


def share_below(name: str, hertz: float) -> float:
    power = spectrum(name)
    return float(power[: int(hertz * SAMPLES / RATE)].sum() / power.sum())


def test_wind_is_low_and_rain_is_high() -> None:
    assert share_below("gusts", 600) > 0.7
    assert share_below("rain", 1000) < 0.3


def test_the_hum_stands_on_odd_harmonics_of_the_mains() -> None:
    power = spectrum("mains")
    loudest = np.argmax(power) * RATE / SAMPLES
    assert min(abs(loudest / mains - round(loudest / mains)) for mains in (50, 60)) < 0.02


def test_typing_is_impulsive_and_a_fan_is_not() -> None:
    kurtosis = {}
    for name in ("keyboard", "fan"):
        noise = ALL[name](np.random.default_rng(0), SAMPLES, RATE).astype(np.float64)
        kurtosis[name] = np.mean(noise**4)
    assert kurtosis["keyboard"] > 10 > 5 > kurtosis["fan"]
