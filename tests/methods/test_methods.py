"""The promises every method keeps, on small untrained networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.types import Audio
from methods import create
from methods.base import Method, grouped
from methods.counting import count_all_calls
from methods.noise import drawn_from
from methods.predictive import NCSNppM
from methods.refinement import StochasticRefinement
from methods.sgmse import SGMSE
from methods.spectral import SpectralMethod
from methods.storm import StoRM
from methods.weights import TrainedModel, load, new_model, save

TRAINED = {"ncsnpp_m": NCSNppM, "sgmse_m": SGMSE, "refinement": StochasticRefinement, "storm": StoRM}


def small(name: str) -> Method:
    """An untrained network of 8 channels whose output is not nearly zero."""
    torch.manual_seed(0)
    model = new_model(name, {"width": 8, "multipliers": [1, 2]})
    for network in model.networks.values():
        for level in network.up:
            torch.nn.init.normal_(level.tap.weight, std=0.05)
    return TRAINED[name](model)  # type: ignore[abstract]


@pytest.fixture(scope="module", params=sorted(TRAINED))
def method(request: pytest.FixtureRequest) -> Method:
    return small(request.param)


def speechlike(samples: int, seed: int = 0) -> Audio:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 2, 100, 255, 256, 3001])
def test_any_length_comes_back_as_long_and_finite(method: Method, samples: int) -> None:
    enhanced = method.enhance(speechlike(samples), 16000, 2, 0)
    assert enhanced.audio.shape == (samples,) and enhanced.audio.dtype == np.float32
    assert np.isfinite(enhanced.audio).all()


def test_silence_is_finite(method: Method) -> None:
    assert np.isfinite(method.enhance(np.zeros(1000, np.float32), 16000, 2, 0).audio).all()


def test_same_alone_in_a_batch_and_in_any_order(method: Method) -> None:
    clips, seeds = [speechlike(n, n) for n in (700, 2000, 1500)], [5, 6, 7]
    alone = [method.enhance(clip, 16000, 2, seed).audio for clip, seed in zip(clips, seeds, strict=True)]
    batch = method.enhance_batch(clips, 16000, 2, seeds)
    backwards = method.enhance_batch(clips[::-1], 16000, 2, seeds[::-1])
    for clip, together, reverse in zip(alone, batch, backwards[::-1], strict=True):
        assert np.array_equal(clip, together.audio) and np.array_equal(clip, reverse.audio)


def test_clips_of_one_padded_length_share_network_calls_and_differ_by_rounding(method: Method) -> None:
    clips, seeds = [speechlike(n, n) for n in (7000, 9000, 8000, 7500)], [5, 6, 7, 8]  # 128 frames, but one has 64
    clips[2] = clips[2][:2000]
    assert isinstance(method, SpectralMethod)
    assert len({method.padded_length(clip.size) for clip in clips}) == 2
    alone = [method.enhance(clip, 16000, 2, seed) for clip, seed in zip(clips, seeds, strict=True)]
    with count_all_calls() as calls:
        together = method.enhance_batch(clips, 16000, 2, seeds, batch=3)
    assert calls.total == 2 * alone[0].nfe
    for one, shared in zip(alone, together, strict=True):
        assert shared.nfe == one.nfe and shared.audio.shape == one.audio.shape
        assert np.abs(shared.audio - one.audio).max() <= 1e-4 * np.abs(one.audio).max()
        assert (shared.estimate is None) == (one.estimate is None)


def test_samplers_whose_steps_depend_on_the_batch_take_clips_one_at_a_time() -> None:
    model = new_model("sgmse_m", {"width": 8, "multipliers": [1, 2]})
    assert SGMSE(model).batches and SGMSE(model, corrector="none").batches
    coupled = SGMSE(model, corrector="langevin")
    assert not coupled.batches and not SGMSE(model, sampler="ode").batches
    clips = [speechlike(700, seed) for seed in (1, 2)]
    alone = [coupled.enhance(clip, 16000, 2, 0).audio for clip in clips]
    for one, other in zip(alone, coupled.enhance_batch(clips, 16000, 2, [0, 0], batch=2), strict=True):
        assert np.array_equal(one, other.audio)


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 8063, 8064, 8191, 8192, 20000])
def test_the_padded_length_is_that_of_the_spectrogram(method: Method, samples: int) -> None:
    assert isinstance(method, SpectralMethod)
    transform = method.model.spectrogram
    frames = transform.pad(transform.forward(torch.zeros(1, samples))).shape[-1]
    assert method.padded_length(samples) == transform.samples(frames)


def test_groups_are_of_equal_length_bounded_and_in_order() -> None:
    assert grouped([3, 5, 3, 3, 5, 3, 7], 2) == [[0, 2], [1, 4], [3, 5], [6]]
    assert grouped([3, 3], 1) == [[0], [1]] and grouped([], 4) == []


def test_an_adaptive_sampler_has_no_number_of_steps_to_choose() -> None:
    """The tolerance decides how often the network is called: a benchmark asks for one row, not for one for each N."""
    model = new_model("sgmse_m", {"width": 8, "multipliers": [1, 2]})
    assert [SGMSE(model, sampler=name).uses_steps for name in ("pc", "ode")] == [True, False]
    assert SGMSE.uses_steps


def test_the_seed_decides_the_noise(method: Method) -> None:
    first, again, other = (method.enhance(speechlike(1000), 16000, 2, seed).audio for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) != method.stochastic


def test_a_generator_is_read_but_not_moved(method: Method) -> None:
    generator = torch.Generator().manual_seed(9)
    first, again = (method.enhance(speechlike(800), 16000, 2, generator).audio for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(first, method.enhance(speechlike(800), 16000, 2, 9).audio)


def test_another_rate_comes_back_at_that_rate(method: Method) -> None:
    enhanced = method.enhance(speechlike(4410), 44100, 2, 0)
    assert enhanced.audio.shape == (4410,) and enhanced.model_rate == 16000
    assert method.enhance(speechlike(1), 48000, 1, 0).audio.shape == (1,)


def test_gain_goes_through(method: Method) -> None:
    """Peak normalisation: twice the input, twice the output."""
    clip = speechlike(1000)
    single, double = (method.enhance(gain * clip, 16000, 2, 0).audio for gain in (1, 2))
    assert np.allclose(2 * single, double, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "nfe"),
    [
        ("ncsnpp_m", {}, 1),
        ("sgmse_m", {}, 6),
        ("sgmse_m", {"corrector": "none"}, 3),
        ("sgmse_m", {"corrector_steps": 2}, 9),
        ("storm", {}, 4),
        ("storm", {"corrector": "ald"}, 7),
        ("refinement", {}, 4),
    ],
)
def test_network_calls_are_counted(name: str, options: dict[str, Any], nfe: int) -> None:
    model = new_model(name, {"width": 8, "multipliers": [1, 2]})
    method = TRAINED[name](model, **options)  # type: ignore[abstract]
    assert method.enhance(speechlike(500), 16000, 3, 0).nfe == nfe


@pytest.mark.parametrize(
    ("noisy", "steps", "message"),
    [
        (np.zeros(0, np.float32), 2, "empty"),
        (np.array([0.0, np.nan], np.float32), 2, "NaN"),
        (np.zeros((2, 3, 4), np.float32), 2, "one channel"),
        (np.zeros(10, np.float32), 0, "steps"),
    ],
)
def test_bad_input_is_one_clear_line(method: Method, noisy: Audio, steps: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        method.enhance(noisy, 16000, steps)


def test_noise_can_be_replayed(method: Method) -> None:
    clip, drawn = speechlike(900), torch.Generator().manual_seed(4)
    assert isinstance(method, SpectralMethod)
    replayed = method.enhance_waveform(clip, 2, drawn_from(drawn))
    assert np.array_equal(replayed.audio, method.enhance(clip, 16000, 2, 4).audio)


@pytest.mark.parametrize(("generators", "ids"), [([1], None), ([1, 2, 3], None), (None, ["a"])])
def test_a_batch_needs_as_many_generators_and_ids(generators: list[int] | None, ids: list[str] | None) -> None:
    with pytest.raises(UserError, match="a batch of 2 needs 2 generators and utterance ids"):
        create("noisy").enhance_batch([speechlike(9), speechlike(8)], 16000, None, generators, utterance_ids=ids)


def test_a_method_in_two_stages_gives_the_first_ones_estimate() -> None:
    clip = speechlike(900)
    for name in TRAINED:
        method = small(name)
        enhanced = method.enhance(clip, 16000, 2, 0)
        assert (enhanced.estimate is not None) == method.two_stages == (name in ("refinement", "storm"))
        if enhanced.estimate is not None:
            assert isinstance(method, SpectralMethod)
            alone = NCSNppM(replace(method.model, networks={"denoiser": method.model.networks["denoiser"]}))
            assert np.array_equal(enhanced.estimate, alone.enhance(clip, 16000).audio)


def test_noisy_is_the_identity() -> None:
    clip = speechlike(123)
    enhanced = create("noisy").enhance(clip, 8000)
    assert np.array_equal(enhanced.audio, clip) and enhanced.nfe == 0


def test_perfect_networks_recover_the_clean_speech() -> None:
    """StoRM with a predictor that knows the answer and a score that agrees: the output is the answer."""
    method = small("storm")
    assert isinstance(method, StoRM)
    clean = speechlike(3000)
    peak = float(np.abs(clean).max())
    target = method.model.spectrogram.forward(torch.from_numpy(clean / peak).unsqueeze(0))
    target = torch.nn.functional.pad(target, (0, -target.shape[-1] % 64))

    class Oracle(torch.nn.Module):
        domain = "spectrogram"

        def forward(self, x: torch.Tensor, t: torch.Tensor | None = None) -> torch.Tensor:
            if t is None:
                return target
            return (x[:, :1] - target) / method.model.sde.std(t)[:, None, None, None] ** 2  # minus the score

    method.model.networks.update(denoiser=Oracle(), score=Oracle())  # type: ignore[dict-item]
    enhanced = method.enhance(clean, 16000, 50, 0).audio
    # What is left is the noise at t_eps: sigma(0.03) = 0.02 on magnitudes near 0.6, doubled by the expansion.
    assert 10 * np.log10(np.sum(clean**2) / np.sum((enhanced - clean) ** 2)) > 20


def test_weights_round_trip(tmp_path: Path) -> None:
    method = small("storm")
    assert isinstance(method, StoRM)
    save(tmp_path / "storm.safetensors", method.model)
    again = create("storm", checkpoint=str(tmp_path / "storm.safetensors"))
    clip = speechlike(900)
    assert np.array_equal(method.enhance(clip, 16000, 2, 3).audio, again.enhance(clip, 16000, 2, 3).audio)
    assert len(again.provenance()["weights_sha256"]) == 64


def _missing(path: Path, model: TrainedModel) -> None:
    path.unlink()


def _text(path: Path, model: TrainedModel) -> None:
    path.write_text("not weights")


def _truncated(path: Path, model: TrainedModel) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _foreign(path: Path, model: TrainedModel) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, path)


def _nan(path: Path, model: TrainedModel) -> None:
    with torch.no_grad():
        next(iter(model.networks["denoiser"].parameters())).fill_(float("nan"))
    save(path, model)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_missing, "no such weights file"),
        (_text, "not a readable safetensors file"),
        (_truncated, "not a readable safetensors file"),
        (_foreign, "not written by sebench"),
        (_nan, "NaN"),
    ],
)
def test_damaged_weights_are_one_clear_line(
    tmp_path: Path, damage: Callable[[Path, TrainedModel], None], message: str
) -> None:
    path, model = tmp_path / "weights.safetensors", new_model("ncsnpp_m", {"width": 8, "multipliers": [1, 2]})
    save(path, model)
    load(path)
    damage(path, model)
    with pytest.raises(UserError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_weights_of_another_method_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "w.safetensors", new_model("ncsnpp_m", {"width": 8, "multipliers": [1, 2]}))
    with pytest.raises(UserError, match="for the method 'ncsnpp_m', not 'storm'"):
        create("storm", checkpoint=str(tmp_path / "w.safetensors"))


def test_unknown_names_and_options_are_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'storm'"):
        create("strom")
    with pytest.raises(UserError, match="did you mean 'corrector'"):
        create("storm", corector="none")
