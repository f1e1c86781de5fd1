"""``bench train`` on tones in noise: each objective lowers the loss, weights begin others, every task trains."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from bench.conf.compose import compose
from bench.core.audio import write
from bench.core.errors import UserError
from bench.train.training import fit
from bench.train.training import train as train_on_dataset
from methods import create
from methods.spectrogram import Spectrogram
from methods.weights import load, new_model, save
from tests.bench.tones import Tones, assert_same, config, ended, train

OBJECTIVES = {
    "predictive": ["method=ncsnpp_m"],
    "generative": ["method=sgmse_m"],
    "joint": ["experiment=table7_joint"],
}
COMBINED = {
    "refinement": ["method=refinement"],
    "frozen": ["experiment=table7_frozen"],
    "generative_clean": ["method=sgmse_m", "method.parametrization.predicts=clean"],
    "post_denoiser": ["experiment=table6_post_denoiser"],
    "predictive_mae": ["method=ncsnpp_m", "method.objective.supervised_loss=mae"],
    "generative_mae": ["method=sgmse_m", "method.objective.score_loss=mae"],
    "unsupervised": ["experiment=table7_unsupervised"],
    "pretrained_joint": ["experiment=table7_pretrained_joint"],
    "noisy": ["experiment=table6_noisy"],
}
"""Of parts that the others train too."""


@pytest.fixture
def predictive(tmp_path: Path) -> Path:
    """Weights of an untrained predictive network."""
    path = tmp_path / "given.safetensors"
    save(path, new_model("ncsnpp_m", {"width": 4, "multipliers": [1, 2]}, spectrogram=Spectrogram(n_fft=62, hop=16)))
    return path


@pytest.mark.parametrize("name", [*OBJECTIVES, *(pytest.param(name, marks=pytest.mark.slow) for name in COMBINED)])
def test_thirty_steps_lower_the_loss_and_give_weights_that_enhance(tmp_path: Path, predictive: Path, name: str) -> None:
    settings = config(tmp_path / "out", *{**OBJECTIVES, **COMBINED}[name], "max_steps=30", "optimiser.lr=1e-2")
    if settings.init is not None:
        settings.init = str(predictive)
    model = load(train(settings))
    curve = model.training["validation_curve"]
    assert [step for step, _ in curve] == [5, 10, 15, 20, 25, 30]
    assert curve[-1][1] < 0.97 * curve[0][1]
    enhanced = create(model.method, checkpoint=str(tmp_path / "out" / "weights.safetensors")).enhance(
        Tones(9)[3][1], 16000, 2, 0
    )
    assert np.isfinite(enhanced.audio).all() and enhanced.audio.any()


def test_every_row_of_the_papers_tables_is_an_experiment() -> None:
    def objective(name: str) -> tuple[Any, ...]:
        made = compose("train", [f"experiment={name}"])
        assert made["method"]["name"] == "storm" and made["out"] == f"checkpoints/{name}"
        chosen = made["method"]["objective"]
        pretrained = made["init"] is not None
        fine_tuned, supervised = not chosen["freeze_denoiser"], chosen["supervised_loss"] != "none"
        return pretrained, fine_tuned, supervised, made["method"]["condition"]

    assert objective("table7_joint") == (False, True, True, "both")
    assert objective("table7_frozen") == (True, False, False, "both")
    assert objective("table7_unsupervised") == (False, True, False, "both")
    assert objective("table7_pretrained_joint") == (True, True, True, "both")
    for condition in ("noisy", "post_denoiser", "both"):
        assert objective(f"table6_{condition}") == (True, True, True, condition)


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    settings = config(tmp_path, "max_steps=4", "valid_every=2", "batch_size=2", "accumulate=2")
    train(settings)
    assert [step for step, _ in ended(settings)["curve"]] == [2, 4]


def test_init_takes_networks_over_and_refuses_other_sizes(tmp_path: Path, predictive: Path) -> None:
    frozen = ["method=storm", "method.objective.freeze_denoiser=true", f"init={predictive}"]
    model = load(train(config(tmp_path / "out", *frozen, "max_steps=5")))
    for name, value in load(predictive).networks["denoiser"].state_dict().items():
        assert torch.allclose(model.networks["denoiser"].state_dict()[name], value, rtol=1e-3, atol=1e-6), name
    with pytest.raises(UserError, match=r"given\.safetensors.*'denoiser'"):
        train(config(tmp_path / "other", *frozen, "max_steps=5", "network.width=8"))
    with pytest.raises(UserError, match=r"init=.*missing.*no such weights file"):
        train(config(tmp_path / "other", "max_steps=5", "init=missing.safetensors"))


def test_of_several_files_the_first_that_has_a_network_gives_it(tmp_path: Path, predictive: Path) -> None:
    joint = config(tmp_path / "joint", "experiment=table7_pretrained_joint", f"init={predictive}", "max_steps=5")
    first = fit(joint, Tones(10**6), Tones(8), "bench train joint")
    both = [
        "method=storm",
        "method.objective.freeze_denoiser=true",
        f"init=[{predictive},{first}]",
        "optimiser.lr=1e-9",
    ]
    second = config(tmp_path / "second", *both, "max_steps=5")
    path = fit(second, Tones(10**6), Tones(8), "bench train second")
    networks = load(path).networks
    for name, source in {"denoiser": predictive, "score": first}.items():
        for key, value in load(source).networks[name].state_dict().items():
            assert torch.allclose(networks[name].state_dict()[key], value, rtol=2e-3, atol=1e-6), (name, key)
    card = path.with_suffix(".md").read_text()
    assert f"{predictive} (sha256 {load(predictive).sha256[:16]}), {first}" in card


def test_a_gradient_is_scaled_down_to_the_largest_norm(tmp_path: Path, predictive: Path) -> None:
    """Adam divides by what it saw of the gradient plus 1e-8: only gradients far below that leave the weights alone."""
    start = load(predictive).networks["denoiser"].state_dict()
    settings = [f"init={predictive}", "max_steps=5", "optimiser.lr=1e-2"]

    def farthest(name: str, *more: str) -> float:
        trained = load(train(config(tmp_path / name, *settings, *more))).networks["denoiser"].state_dict()
        return max(float((trained[key] - value).abs().max()) for key, value in start.items())

    assert farthest("clipped", "optimiser.clip=1e-14") < 1e-3 < farthest("free")


def test_storms_score_network_begins_as_sgmses_only_where_asked(tmp_path: Path, predictive: Path) -> None:
    first = train(config(tmp_path / "sgmse", "method=sgmse_m", "max_steps=5"))
    frozen = ["method=storm", "method.objective.freeze_denoiser=true", f"init=[{predictive},{first}]", "max_steps=5"]
    with pytest.raises(UserError, match=r"init=.*weights\.safetensors: its 'score' network is .*'inputs': 2"):
        train(config(tmp_path / "cold", *frozen))
    networks = load(train(config(tmp_path / "warm", *frozen, "warm_start=true", "optimiser.lr=1e-9"))).networks
    stem = load(first).networks["score"].state_dict()["input.weight"]
    warm = networks["score"].state_dict()["input.weight"]
    assert torch.allclose(warm[:, :4], stem, rtol=2e-3, atol=1e-6) and warm[:, 4:].abs().max() < 1e-6


def test_loaders_in_processes_of_their_own_change_nothing(tmp_path: Path) -> None:
    for name, workers in (("none", 0), ("two", 2)):
        train(config(tmp_path / name, "max_steps=5", f"workers={workers}"))
    alone, beside = (ended(config(tmp_path / name, "max_steps=5")) for name in ("none", "two"))
    assert_same(alone["raw"], beside["raw"])


@pytest.mark.slow
def test_two_processes_train_together(tmp_path: Path) -> None:
    """Distributed over two CPU processes: StoRM has layers without gradients, and it must not wait for them."""
    loop = ["max_steps=4", "valid_every=2", "accumulate=2", "batch_size=2", "log_every=2"]
    settings = config(tmp_path, "experiment=table7_joint", *loop, "scores.recordings=3")
    settings.device, settings.devices, settings.strategy = "cpu", 2, "ddp_fork"
    settings.scores.metrics = ["si_sdr"]
    process = multiprocessing.get_context("spawn").Process(target=train, args=(settings,))
    process.start()
    try:
        process.join(500)
        assert process.exitcode == 0
    finally:
        process.kill()
    finished = ended(settings)
    assert finished["step"] == 4 and [step for step, _ in finished["curve"]] == [2, 4]
    state = torch.load(tmp_path / "last.ckpt", weights_only=False)
    assert state["TrainingData"]["consumed"] == 4 * 2 * 2 * 2
    assert all(row["valid_si_sdr"] for row in finished["log"] if row["valid_loss"])


@pytest.mark.parametrize("method", ["ncsnpp_m", "bbed"])
@pytest.mark.parametrize("experiment", ["bandwidth_extension", "dereverberation"])
def test_other_tasks_train_any_method(experiment: str, method: str, tmp_path: Path) -> None:
    """On recordings of one's own alone, so that nothing is generated: without noise for the one task or the other."""
    rng = np.random.default_rng(0)
    for name in ("anna_1", "anna_2", "ben_1", "cleo_1"):
        write(tmp_path / "speech" / f"{name}.wav", rng.normal(0, 0.1, 4000).astype(np.float32), 16000)
    for name in ("hall_1", "office_1", "office_2"):
        response = np.concatenate(([1.0], 0.3 * rng.normal(0, 1, 800) * np.exp(-np.arange(800) / 200)))
        write(tmp_path / "rooms" / f"{name}.wav", response.astype(np.float32), 16000)
    given = [f"dataset.speech_dirs=[{tmp_path / 'speech'}]", f"dataset.rir_dirs=[{tmp_path / 'rooms'}]"]
    given += ["dataset.real_share=1", f"dataset.cache={tmp_path / 'cache'}"]
    settings = config(tmp_path / "out", f"method={method}", f"experiment={experiment}", *given)
    settings = DictConfig({**settings, "max_steps": 2, "valid_every": 2, "valid_size": 2})
    weights = train_on_dataset(settings)
    told = load(weights).training["data"]
    assert ("low-passed at 2000 or 4000 Hz" in told, "100% of the pairs are reverberant" in told) == (
        experiment == "bandwidth_extension",
        experiment == "dereverberation",
    )
    assert not (tmp_path / "cache").exists()  # nothing was generated
