"""Whoever adds to the registries edits nothing here: everything is found by name, and nobody asks for a name."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench.core.errors import UserError
from bench.core.registry import Registry
from methods import create
from methods.backbones.base import BACKBONES, Backbone, Network, build, complete, describe
from methods.base import METHODS
from methods.diffusion.parametrization import PARAMETRIZATIONS, CleanPrediction, parametrization_from
from methods.diffusion.paths import OUVE, PATHS, SBVE
from methods.diffusion.samplers import (
    CORRECTORS,
    PREDICTORS,
    SAMPLERS,
    BridgeSDE,
    PredictorCorrector,
    ProbabilityFlow,
    Sampler,
    choose,
)
from methods.losses import Batch, Losses, Objective, SpectrogramBatch
from methods.spectral import SpectralMethod
from methods.trained import TrainedMethod
from methods.training.module import Optimiser, TrainingModule
from methods.weights import load, new_model, save
from tests.conftest import ROOT

SMALL = {"width": 8, "multipliers": [1, 2]}


@pytest.fixture(autouse=True)
def no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    for registry in (PATHS, SAMPLERS, PREDICTORS, CORRECTORS, PARAMETRIZATIONS, BACKBONES, METHODS):
        for name in registry.names():  # a module registers its names once: when it is first imported
            with suppress(UserError):
                registry.get(name)
        monkeypatch.setattr(registry, "_factories", dict(registry._factories))


@pytest.mark.parametrize(
    ("registry", "wrong", "right"),
    [
        (PATHS, "ouvee", "ouve"),
        (SAMPLERS, "bridge_od", "bridge_ode"),
        (PREDICTORS, "reverse_difusion", "reverse_diffusion"),
        (CORRECTORS, "langevine", "langevin"),
        (PARAMETRIZATIONS, "claen", "clean"),
        (BACKBONES, "ncsnp", "ncsnpp"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(registry: Registry, wrong: str, right: str) -> None:
    with pytest.raises(UserError, match=f"'{wrong}': did you mean '{right}'"):
        registry.get(wrong)


@pytest.mark.parametrize("registry", [PATHS, SAMPLERS, PREDICTORS, CORRECTORS, PARAMETRIZATIONS, BACKBONES, METHODS])
def test_every_name_in_a_table_is_registered_by_its_module(registry: Registry) -> None:
    for name in registry.names():
        registry.get(name)


def test_a_predictor_and_a_corrector_of_ones_own() -> None:
    @PREDICTORS.register("half")
    def half(score, sde, x, t, y, step, randn_like):  # type: ignore[no-untyped-def]
        return x / 2, x / 2

    @CORRECTORS.register("add_one")
    def add_one(score, sde, x, t, snr, steps, randn_like):  # type: ignore[no-untyped-def]
        return x + 1, x + 1

    y = torch.zeros(1, 1, 2, 2, dtype=torch.complex64)
    sampler = PredictorCorrector("half", "add_one")
    found = sampler.sample(lambda x, t: pytest.fail("the network is not asked"), OUVE(), y, 2, torch.zeros_like)
    assert torch.equal(found, y + 0.75)  # ((0 + 1) / 2 + 1) / 2


@dataclass(frozen=True)
class Guess(Sampler):
    """The network's first estimate of the clean speech."""

    asks_for: ClassVar[str] = "clean"

    time: float = 1.0

    def sample(self, estimate, path, y, steps, randn_like):  # type: ignore[no-untyped-def]
        return estimate(path.prior_sampling(y, randn_like), torch.full((len(y),), self.time))


def test_a_sampler_runs_along_any_path_that_suits_it() -> None:
    SAMPLERS.register("guess")(Guess)
    for path in (OUVE(), SBVE()):
        assert choose(path, {"sampler": {"name": "guess", "time": 0.5}}, {"corrector": "none"}, 0.03) == Guess(0.5)
    assert choose(OUVE(), {"sampler": {"name": "ode", "rtol": 1e-3}}, {}, 0.05) == ProbabilityFlow(1e-3, t_eps=0.05)
    assert (
        choose(SBVE(), {"sampler": "bridge_sde"}, {}, 0.03)
        == choose(SBVE(), {"sampler": "sde"}, {}, 0.03)
        == BridgeSDE()
    )
    with pytest.raises(UserError, match="sampler for the SDE sbve: 'pc'"):
        choose(SBVE(), {"sampler": "pc"}, {}, 0.03)
    with pytest.raises(UserError, match="sampler for the SDE ouve: 'bridge_ode'"):
        choose(OUVE(), {"sampler": "bridge_ode"}, {}, 0.03)
    assert choose(OUVE(), {"sampler": "ode"}, {"sampler": "guess", "time": 0.5}, 0.03) == ProbabilityFlow()
    with pytest.raises(UserError, match="has no option tme; it has time"):
        choose(OUVE(), {"sampler": {"name": "guess", "tme": 0.5}}, {}, 0.03)


def test_a_sampler_of_ones_own_is_an_option_of_every_diffusion_method() -> None:
    SAMPLERS.register("guess")(Guess)
    method = create("sgmse_m", checkpoint=new_model("sgmse_m", SMALL), sampler={"name": "guess", "time": 0.9})
    made = method.enhance(torch.randn(500).numpy(), 16000, 7, 0)
    assert made.nfe == 1 and method.provenance()["sampler"] == {"name": "Guess", "time": 0.9}
    with pytest.raises(UserError, match="did you mean 'corrector'"):
        create("storm", corector="none")


def test_a_parametrization_of_ones_own_is_trained_and_stored(tmp_path: Path) -> None:
    @PARAMETRIZATIONS.register("half_clean")
    @dataclass(frozen=True)
    class HalfClean(CleanPrediction):
        predicts: ClassVar[str] = "half_clean"

        def clean(self, prediction, x, t, start, path):  # type: ignore[no-untyped-def]
            return 2 * prediction

    assert parametrization_from({"predicts": "half_clean", "c_in": "edm"}) == HalfClean("edm")
    save(tmp_path / "w.safetensors", new_model("sgmse_m", SMALL, parametrization=HalfClean()))
    assert load(tmp_path / "w.safetensors").parametrization == HalfClean()


class Identity(Backbone):
    """Gives back its first input, times a weight; counts its calls in a buffer."""

    stride = 1

    def __init__(self, inputs: int = 1, gain: float = 1.0, *, conditional: bool = False) -> None:
        super().__init__()
        self.conditional = conditional
        self.gain = torch.nn.Parameter(torch.tensor(gain))
        self.register_buffer("calls", torch.tensor(70000))

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        return self.gain * x[:, :1]


def test_any_method_takes_any_backbone(tmp_path: Path) -> None:
    BACKBONES.register("identity")(Identity)
    chosen = {"backbone": "identity", "gain": 0.5}
    model = new_model("storm", chosen)
    assert model.sizes["score"] == {**chosen, "inputs": 3, "conditional": True}
    clip = torch.randn(700).numpy()
    made = create("storm", checkpoint=model).enhance(clip, 16000, 3, 0)
    save(tmp_path / "w.safetensors", model, torch.float16)
    again = create("storm", checkpoint=str(tmp_path / "w.safetensors"))
    assert made.nfe == 4 and (again.enhance(clip, 16000, 3, 0).audio == made.audio).all()
    assert again.model.networks["score"].calls == 70000  # not as float16 has it
    with pytest.raises(UserError, match="unknown option of backbone 'identity' 'gian': did you mean 'gain'"):
        new_model("storm", {"backbone": "identity", "gian": 2.0})
    with pytest.raises(UserError, match="a Identity cannot begin as a copy"):
        model.networks["score"].begin_as(model.networks["denoiser"])


def test_a_network_is_described_by_what_differs_and_built_of_it() -> None:
    size = describe(Network(inputs=3, timed=True), {**SMALL, "blocks": 1, "scale_by_time": None}, predicts="clean")
    assert size == {**SMALL, "inputs": 3, "scale_by_time": False}
    assert complete(size)["blocks"] == 1 and not build(size).scale_by_time


def test_an_objective_that_does_not_suit_the_method_is_refused() -> None:
    for name, objective, answer in (
        ("sgmse_m", Objective(freeze_denoiser=True), "sgmse_m has no network 'denoiser'"),
        ("ncsnpp_m", Objective(freeze_denoiser=True), "leaves ncsnpp_m nothing to train"),
        ("ncsnpp_m", Objective(supervised_loss="none"), "nothing to learn from"),
        ("refinement", Objective(l1_weight=1.0), "not a residue"),
        ("sgmse_m", Objective(t_max=0.01), "t_max=0.01: a time above t_eps=0.03, at most 1"),
        ("sgmse_m", Objective(t_max=0.5), "would start at 1.0, which is not learnt; sampler.start=0.5 or less"),
        ("crp", Objective(t_max=0.5), "t_max: crp draws where its reverse process starts: earliest, latest"),
        ("storm", Objective(score_weighting="edm"), "score_weighting of a network that predicts the score"),
    ):
        with pytest.raises(UserError, match=answer):
            TrainingModule(new_model(name, SMALL), objective, Optimiser())


def test_the_reverse_process_may_end_before_the_smallest_time_of_the_training_not_after_it() -> None:
    early = METHODS.create("sgmse_m", checkpoint=new_model("sgmse_m", SMALL, sampler={"t_eps": 0.5}), device="cpu")
    assert early.provenance()["sampler"]["t_eps"] == 0.5
    with pytest.raises(UserError, match=r"t_eps=0.01: .* not learnt; t_eps=0.01 or less, or sampler.t_eps=0.03"):
        TrainingModule(new_model("sgmse_m", SMALL, sampler={"t_eps": 0.01}), Objective(), Optimiser())


def test_no_later_time_is_trained_than_the_objective_says(monkeypatch: pytest.MonkeyPatch) -> None:
    model = new_model("sgmse_m", SMALL, sampler={"start": 0.3})
    method = METHODS.create("sgmse_m", checkpoint=model, device="cpu")
    assert isinstance(method, SpectralMethod)
    method.check_objective(Objective(t_max=0.3))
    drawn: list[Tensor] = []

    def noted(batch: SpectrogramBatch, objective: Objective) -> Losses:
        drawn.append(batch.t)
        return Losses(batch.t.sum(), {})

    monkeypatch.setattr(method, "spectrogram_loss", noted)
    speech = torch.randn(200, 1000)
    for objective, latest in ((Objective(t_max=0.3), 0.3), (Objective(), 1.0)):
        method.loss(Batch(speech, speech, torch.Generator().manual_seed(0)), objective)
        assert drawn[-1].min() >= 0.03 and 0.9 * latest < drawn[-1].max() < latest


def test_a_setting_that_a_method_does_not_have_is_refused() -> None:
    with pytest.raises(UserError, match="unknown setting of the method 'storm' 'conditon': did you mean 'condition'"):
        new_model("storm", SMALL, {"conditon": "both"})
    with pytest.raises(UserError, match="condition: one of noisy, post_denoiser, both; got 'all'"):
        new_model("storm", SMALL, {"condition": "all"})
    with pytest.raises(UserError, match="the method 'noisy' has no networks to train"):
        new_model("noisy", SMALL)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"method": "strom"}, "unknown method 'strom': did you mean 'storm'"),
        ({"sde": {"name": "bbedd"}}, "unknown sde 'bbedd'"),
        ({"parametrization": {"predicts": "noise"}}, "unknown prediction 'noise'"),
        ({"sizes": {"score": {"backbone": "theirs"}}}, "unknown backbone 'theirs'"),
        ({"conditon": "both"}, "unknown setting of the method 'storm' 'conditon'"),
        ({"sde": {"name": "ouve", "theta": "x"}}, "theta: a number; got 'x'"),
        ({"spectrogram": {"nfft": 510}}, "nfft"),
        ({"sizes": None}, "makes no sense"),
    ],
)
def test_a_weights_file_of_something_that_is_not_installed_is_named(
    tmp_path: Path, change: dict[str, Any], answer: str
) -> None:
    path, model = tmp_path / "w.safetensors", new_model("storm", SMALL)
    save(path, model)
    save_file(load_file(path), path, metadata={"sebench": json.dumps({**model.config(), **change})})
    with pytest.raises(UserError, match=rf"{path}: .*{answer}"):
        load(path)


def compared(source: str) -> Iterator[str]:
    """Texts that ``source`` compares something with."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare | ast.MatchValue):
            constants = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
            yield from (value for value in constants if isinstance(value, str))


def test_nothing_asks_which_method_it_has() -> None:
    trained = {name for name in METHODS.ours() if issubclass(METHODS.get(name), TrainedMethod)}  # type: ignore[arg-type]
    assert {"ncsnpp_m", "sgmse_m", "refinement", "storm"} <= trained
    asked = {
        path.relative_to(ROOT).as_posix(): name
        for package in ("methods", "bench")
        for path in (ROOT / package).rglob("*.py")
        for name in compared(path.read_text(encoding="utf-8"))
        if name in trained
    }
    assert asked == {}
    assert list(compared("if kind == 'storm': pass")) == ["storm"]
