"""The predictor-corrector sampler: exactness, counts, draws, and the reference's trajectories."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.core.errors import UserError
from methods.samplers import PredictorCorrector
from methods.sdes import OUVE, per_item

SDE = OUVE()


class AnalyticScore:
    """The score of the perturbation kernel of one known clean x0."""

    def __init__(self, x0: Tensor, y: Tensor) -> None:
        self.x0, self.y, self.calls = x0, y, 0

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        self.calls += 1
        return -(x - SDE.mean(self.x0, t, self.y)) / per_item(SDE.std(t)) ** 2


def pair() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    x0, y = (torch.randn(2, 1, 16, 16, dtype=torch.complex64, generator=generator) for _ in range(2))
    return x0, y


def error_after(steps: int, stepping: str, predictor: str = "reverse_diffusion") -> float:
    """Distance to the clean speech after sampling with the exact score, relative to that of y."""
    x0, y = pair()
    generator = torch.Generator().manual_seed(0)
    x = PredictorCorrector(predictor, corrector="none", stepping=stepping).sample(
        AnalyticScore(x0, y), SDE, y, steps, lambda s: torch.randn(s.shape, dtype=s.dtype, generator=generator)
    )
    return ((x - x0).abs().square().mean() / (y - x0).abs().square().mean()).sqrt().item()


def test_with_the_exact_score_more_grid_steps_come_closer_to_the_clean_speech() -> None:
    errors = [error_after(steps, "grid") for steps in (5, 10, 20)]
    assert 0.05 > errors[0] > errors[1] > errors[2]


def test_the_probability_flow_converges_to_the_clean_speech_without_noise_on_the_way() -> None:
    errors = [error_after(steps, "grid", "probability_flow") for steps in (10, 40, 160)]
    assert 0.2 > errors[0] > errors[1] > errors[2]
    x0, y = pair()
    draws = iter([torch.zeros_like(y)])  # the prior's only
    PredictorCorrector("probability_flow", "none").sample(AnalyticScore(x0, y), SDE, y, 5, lambda _: next(draws))


def test_uniform_steps_need_many_of_them() -> None:
    """They disagree with the times at which the score is asked for, the more the fewer they are."""
    assert error_after(5, "uniform") > 0.5
    assert error_after(40, "uniform") < 0.05


@pytest.mark.parametrize(
    ("corrector", "corrector_steps", "calls", "draws"), [("none", 1, 4, 5), ("ald", 1, 8, 9), ("ald", 2, 12, 13)]
)
def test_score_calls_and_draws(corrector: str, corrector_steps: int, calls: int, draws: int) -> None:
    x0, y = pair()
    score, drawn = AnalyticScore(x0, y), 0

    def randn_like(like: Tensor) -> Tensor:
        nonlocal drawn
        drawn += 1
        return torch.zeros_like(like)

    PredictorCorrector(corrector=corrector, corrector_steps=corrector_steps).sample(score, SDE, y, 4, randn_like)
    assert (score.calls, drawn) == (calls, draws)


def test_grid_steps_sum_to_the_whole_time() -> None:
    """With no score, no noise and y = 0 the last mean is x * prod(1 + theta h): the steps that were taken."""
    x = torch.ones(1, 1, 1, 1, dtype=torch.complex64)
    outputs = {}
    for stepping in ("uniform", "grid"):
        draws = iter([x / SDE.std(torch.ones(1)).item()])  # the prior becomes exactly 1
        sampler = PredictorCorrector(corrector="none", stepping=stepping)
        outputs[stepping] = sampler.sample(
            lambda x, t: 0 * x, SDE, 0 * x, 3, lambda s, draws=draws: next(draws, torch.zeros_like(s))
        ).real.item()
    assert outputs["uniform"] == pytest.approx((1 + SDE.theta / 3) ** 3, rel=1e-5)
    assert outputs["grid"] == pytest.approx((1 + SDE.theta * 0.485) ** 2 * (1 + SDE.theta * 0.03), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"predictor": "reverse_difusion"}, "did you mean 'reverse_diffusion'"),
        ({"corrector": "adl"}, "did you mean 'ald'"),
        ({"stepping": "grids"}, "did you mean 'grid'"),
        ({"corrector_steps": 0}, "corrector=none"),
    ],
)
def test_unknown_settings_are_answered_with_the_nearest(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        PredictorCorrector(**options)


@pytest.mark.parametrize("project", ["storm", "sgmse"])
def test_equals_the_references_trajectories(shared: Path, project: str) -> None:
    folder = shared / "reference" / "sampler"
    cases = json.loads((folder / f"{project}_pc_analytic.json").read_text())
    checked = 0
    with np.load(folder / f"{project}_pc_analytic.npz") as golden:
        x0, y, bank = (torch.from_numpy(golden[key]) for key in ("x0", "y", "noise_bank"))
        for case in cases:
            name = f"case{case['case']:02d}_out"
            if case["corrector"] not in ("ald", "none") or name not in golden.files or not case.get("denoise", True):
                continue
            sampler = PredictorCorrector(
                case["predictor"],
                case["corrector"],
                case["corrector_steps"],
                case["snr"],
                "uniform" if project == "storm" else "grid",
                t_eps=case["eps"],
            )
            noise = iter(bank)
            ours = sampler.sample(AnalyticScore(x0, y), SDE, y, case["N"], lambda _, noise=noise: next(noise))
            expected = torch.from_numpy(golden[name])
            assert (ours - expected).abs().max() < 1e-4 * expected.abs().max(), case
            checked += 1
    assert checked >= 5
