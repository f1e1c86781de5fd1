"""Known systems: clean speech, silence, levels and lengths. Those with weights run where these are here."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from bench.core.errors import UserError
from bench.core.types import Audio
from methods import create
from methods.base import METHODS, Method
from methods.catalogue import cache
from methods.catalogue.entry import names
from methods.known.base import KnownSystem
from methods.known.native import _layers
from methods.known.noise_psd import NoiseTracker
from methods.known.onnx import parameters

RATE = 16000
CLASSICAL = ("logmmse", "wiener")
WITH_WEIGHTS = ("gtcrn", "dtln", "dfn3", "rnnoise", "webrtc_ns")
LINEAR = {"gtcrn": 25.0, "dtln": 25.0, "dfn3": 25.0, "rnnoise": 10.0, "logmmse": 15.0, "wiener": 15.0}
"""The SI-SDR in dB that natural speech without noise keeps at least; WebRTC's high-pass turns its phase."""


def built(name: str) -> Method:
    if name in WITH_WEIGHTS and not cache.available(name):
        pytest.skip(f"bench weights get {name}")
    return create(name)


@pytest.fixture(params=(*CLASSICAL, *WITH_WEIGHTS))
def system(request: pytest.FixtureRequest) -> Method:
    return built(request.param)


def noise(samples: int, level: float = 0.1) -> Audio:
    return np.random.default_rng(0).normal(0, level, samples).astype(np.float32)


def si_sdr(estimate: Audio, reference: Audio) -> float:
    scaled = np.dot(estimate, reference) / np.dot(reference, reference) * reference
    return float(10 * np.log10(np.sum(scaled**2) / np.sum((estimate - scaled) ** 2)))


def test_silence_stays_silence(system: Method) -> None:
    assert not system.enhance(np.zeros(8000, np.float32), RATE).audio.any()


@pytest.mark.parametrize("samples", [1, 100, 8001])
def test_lengths_are_kept(system: Method, samples: int) -> None:
    assert system.enhance(noise(samples), RATE).audio.shape == (samples,)


def test_twice_the_same_bits(system: Method) -> None:
    noisy = noise(8000)
    np.testing.assert_array_equal(system.enhance(noisy, RATE).audio, system.enhance(noisy, RATE).audio)


def test_steady_noise_is_lowered(system: Method) -> None:
    noisy = noise(3 * RATE, 0.03)
    rest = system.enhance(noisy, RATE).audio[RATE:]
    assert np.sqrt(np.mean(rest**2)) < 0.5 * np.sqrt(np.mean(noisy**2))


def test_nothing_lags(system: Method, natural_speech: Audio) -> None:
    enhanced = system.enhance(natural_speech, RATE).audio
    around = np.correlate(enhanced[200:-200], natural_speech, "valid")
    assert abs(int(np.argmax(around)) - 200) <= (1 if type(system).__name__ != "WebRTCNoiseSuppression" else 3)


@pytest.mark.parametrize("name", LINEAR)
def test_clean_speech_passes(name: str, natural_speech: Audio) -> None:
    system = built(name)
    assert si_sdr(system.enhance(natural_speech, RATE).audio, natural_speech) > LINEAR[name]


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_quiet_speech_stays_speech(name: str, natural_speech: Audio) -> None:
    system = built(name)
    quiet = natural_speech * np.float32(10 ** (-50 / 20) / np.sqrt(np.mean(natural_speech**2)))
    enhanced = system.enhance(quiet, RATE).audio
    assert 10 * np.log10(np.mean(enhanced**2) / np.mean(quiet**2)) > -6


@pytest.mark.parametrize("name", CLASSICAL)
def test_the_classical_ones_follow_the_level(name: str) -> None:
    """A recording ten times as loud comes out ten times as loud."""
    noisy = noise(RATE, 0.02) + 0.1 * np.sin(np.arange(RATE) * 0.3).astype(np.float32) * (np.arange(RATE) > RATE // 2)
    once, tenfold = (create(name).enhance((gain * noisy).astype(np.float32), RATE).audio for gain in (1, 10))
    np.testing.assert_allclose(tenfold, 10 * once, rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_tone_in_noise_comes_out_cleaner(name: str) -> None:
    time = np.arange(3 * RATE) / RATE
    clean = (0.1 * np.sin(2 * np.pi * 440 * time) * (time > 1) * (time % 0.5 < 0.25)).astype(np.float32)
    noisy = clean + noise(clean.size, 0.03)
    assert si_sdr(create(name).enhance(noisy, RATE).audio, clean) > si_sdr(noisy, clean) + 6


def test_the_noise_is_tracked_and_speech_is_not() -> None:
    random = np.random.default_rng(0)
    tracker = NoiseTracker(np.ones(257))
    for _ in range(200):
        tracker.update(random.exponential(4.0, 257))
    assert tracker.power.mean() == pytest.approx(4.0, rel=0.25)
    for _ in range(5):  # a burst of 20 dB
        tracker.update(random.exponential(400.0, 257))
    assert tracker.power.mean() < 8


def test_every_system_is_in_the_catalogue_and_says_what_it_is() -> None:
    for name in WITH_WEIGHTS:
        factory = METHODS.get(name)
        assert isinstance(factory, type) and issubclass(factory, KnownSystem)
        assert factory.weights in names() and factory.paradigm in {"predictive", "classical"}


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_without_weights_the_line_says_how_to_get_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "located", lambda wanted, file: None)
    with pytest.raises(UserError, match=rf"bench weights get {name}"):
        create(name)


def test_the_level_of_webrtc_is_one_of_four() -> None:
    with pytest.raises(UserError, match="level must be 1, 2, 3 or 4, got 7"):
        create("webrtc_ns", level=7)


RNNOISE = 3 * 65 * 128 + 3 * 128 * 384 + 3 * (2 * 3 * 384 * 384 + 3 * 384) + 4 * 384 * (32 + 1)
"""Weights of RNNoise 0.2's large model: two convolutions over three frames of 65 features, three GRUs (384), the gains
of 32 bands and the voice activity from all of these."""

COST = {  # network calls; least and most parameters; million multiply-accumulates a second; latency in ms
    "gtcrn": (1, (48_000, 48_500), (25, 40), 32),
    "dtln": (2, (980_000, 1_000_000), (110, 135), 32),
    "dfn3": (1, (2_125_000, 2_140_000), (320, 345), 40),
    "rnnoise": (1, (RNNOISE + 7_000, RNNOISE + 8_000), (RNNOISE / 1e4 - 0.01, RNNOISE / 1e4 + 0.01), 30),
    "webrtc_ns": (0, None, None, 16),
}
"""Published: GTCRN 48.2 thousand parameters and 33 million MACs; DTLN "less than one million", each used every 8 ms;
DeepFilterNet3 2.13 million, and a latency of 40 ms. RNNoise: 100 frames a second."""


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_calls_parameters_and_operations_are_counted(name: str) -> None:
    system = built(name)
    calls, parameters, macs, latency = COST[name]
    for samples in (100, 8001):
        assert system.enhance(noise(samples), RATE).nfe == calls
    cost = system.cost()
    assert cost["algorithmic_latency_ms"] == pytest.approx(latency)
    assert (parameters, macs) == (None, None) or parameters[0] <= cost["parameters"] <= parameters[1]
    assert macs is None or macs[0] < cost["macs_per_second"] / 1e6 < macs[1]
    assert (cost.keys() > {"parameters", "macs_per_second"}) == (macs is not None)


def test_an_onnx_file_says_how_many_numbers_it_holds(tmp_path: Path) -> None:
    """Of initial values and constants, integers left out; values in a file beside it count unseen."""
    initial = [
        helper.make_tensor("weights", TensorProto.FLOAT, (3, 128), np.zeros(3 * 128)),
        helper.make_tensor("half", TensorProto.FLOAT16, (5, 7), np.zeros(35)),
        helper.make_tensor("shape", TensorProto.INT64, (4,), range(4)),
    ]
    constant = helper.make_tensor("value", TensorProto.FLOAT, (11,), np.zeros(11))
    outside = TensorProto(name="outside", data_type=TensorProto.DOUBLE, dims=(2, 9), data_location="EXTERNAL")
    outside.external_data.add(key="location", value="../nobody's")
    operators = [
        helper.make_node("Constant", [], ["c"], value=constant),
        helper.make_node("Reshape", ["c", "shape"], ["out"], allowzero=1),
    ]
    graph = helper.make_graph(operators, "own", [], [], [*initial, outside])
    (tmp_path / "own.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    assert parameters(tmp_path / "own.onnx") == 3 * 128 + 5 * 7 + 11 + 2 * 9


def test_what_is_no_onnx_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.onnx").write_text("<html>not found</html>")
    with pytest.raises(UserError, match=r"page\.onnx: not an ONNX file"):
        parameters(tmp_path / "page.onnx")


def test_a_library_without_rnnoises_layers_has_none() -> None:
    assert _layers(ctypes.CDLL(None)) == {}


TABLE = {
    "gtcrn": (2.65, 0.84, 13.7),
    "dtln": (2.58, 0.85, 15.7),
    "dfn3": (2.82, 0.87, 17.6),
    "rnnoise": (2.28, 0.82, 10.3),
    "webrtc_ns": (2.39, 0.77, 1.2),
}
"""Mean PESQ, ESTOI and SI-SDR of ten VoiceBank/DEMAND recordings (speaker p232), by the systems' own code."""


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_scores_on_voicebank_are_the_systems_own(name: str, voicebank: list) -> None:
    from metrics.base import METRICS

    system = built(name)
    scorers = [METRICS.create(metric) for metric in ("pesq", "estoi", "si_sdr")]
    scores = [
        [scorer.score(system.enhance(clip.noisy, clip.sample_rate).audio, clip).value for scorer in scorers]
        for clip in voicebank
    ]
    for mean, expected, tolerance in zip(np.mean(scores, axis=0), TABLE[name], (0.02, 0.01, 0.3), strict=True):
        assert mean == pytest.approx(expected, abs=tolerance)
