"""Samplers: every state on the way with the exact score of a known clean signal, and results with networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from methods.conditioning import conditioning
from methods.diffusion.paths import OUVE, SBVE, per_item
from methods.diffusion.samplers import (
    CORRECTORS,
    PREDICTORS,
    BridgeODE,
    BridgeSDE,
    PredictorCorrector,
    ProbabilityFlow,
)
from methods.diffusion.score_model import ScoreModel
from tests.reference.checks.systems import storm_model
from tests.reference.golden import Comparison, Golden, noise, reproduces

SDE = OUVE()


def exact_score(x0: Tensor, y: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Of the perturbation kernel of one clean signal."""
    return lambda x, t: -(x - SDE.mean(x0, t, y)) / per_item(SDE.std(t)) ** 2


def sampler(case: dict[str, Any], stepping: str) -> PredictorCorrector:
    return PredictorCorrector(
        case["predictor"],
        case["corrector"],
        case["corrector_steps"],
        case["snr"],
        stepping,
        denoise=case.get("denoise", True),
        t_eps=case.get("eps", 0.03),
    )


@reproduces("sampler/*_pc_analytic.npz", tolerance=1e-5, uses=("sampler/*_pc_analytic.json",))
def predictor_corrector(golden: Golden) -> Iterator[Comparison]:
    arrays, project = golden.arrays(), golden.tag.partition("_")[0]
    x0, y, bank = (arrays[key] for key in ("x0", "y", "noise_bank"))
    for case in golden.beside(f"sampler/{golden.tag}.json").json():
        name = f"case{case['case']:02d}"
        if f"{name}_out" not in arrays:
            yield name, case["predictor"], "euler_maruyama"  # which SGMSE's code cannot run
            continue
        ours = sampler(case, "uniform" if project == "storm" else "grid")
        draw = Counting(noise(bank))
        yield from golden.compare(**{f"{name}_out": ours.sample(exact_score(x0, y), SDE, y, case["N"], draw)})
        yield name, draw.count, case["noises_used"]
        times, lengths = ours.grid(case["N"])
        yield name, times, torch.tensor(case["time_grid"])
        if "stepsizes" in case:
            yield name, torch.tensor(lengths), torch.tensor(case["stepsizes"])
        if f"{name}_traj_x" in arrays:
            states, means = trajectory(ours, exact_score(x0, y), y, case["N"], noise(bank))
            yield from golden.compare(**{f"{name}_traj_x": states, f"{name}_traj_xmean": means})


class Counting:
    """A source of noise that counts its draws."""

    def __init__(self, draw: Callable[[Tensor], Tensor]) -> None:
        self.draw, self.count = draw, 0

    def __call__(self, like: Tensor) -> Tensor:
        self.count += 1
        return self.draw(like)


def trajectory(
    ours: PredictorCorrector, score: Callable[[Tensor, Tensor], Tensor], y: Tensor, steps: int, draw: Any
) -> tuple[Tensor, Tensor]:
    """(state, its noise-free mean) after every corrector and predictor, which ``sample`` does not keep."""
    x = SDE.prior_sampling(y, draw)
    rows = []
    predict, correct = PREDICTORS.get(ours.predictor), CORRECTORS.get(ours.corrector)
    for time, step in zip(*ours.grid(steps), strict=True):
        t = time.expand(y.shape[0])
        for move in ("corrector", "predictor"):
            if move == "predictor":
                x, mean = predict(score, SDE, x, t, y, step, draw)
            else:
                x, mean = correct(score, SDE, x, t, ours.snr, ours.corrector_steps, draw)
            rows.append((x, mean))
    states, means = zip(*rows, strict=True)
    return torch.stack(states), torch.stack(means)


@reproduces("sampler/storm_ode_analytic.npz", tolerance=1e-5)
def probability_flow(golden: Golden) -> Iterator[Comparison]:
    """The reference's tolerance is 1e-5 of each step; N is 30 for its last step."""
    a = golden.arrays()
    score = Counting(lambda x: x)  # type: ignore[arg-type]

    def counted(x: Tensor, t: Tensor) -> Tensor:
        score.count += 1
        return exact_score(a["x0"], a["y"])(x, t)

    ours = ProbabilityFlow(float(a["rtol"]), float(a["atol"]))
    yield from golden.compare(out=ours.sample(counted, SDE, a["y"], 30, lambda _: a["prior_noise"]))
    # One step's six calls more or less: SciPy's versions choose their first step differently. And the last step.
    yield "calls", abs(score.count - 1 - int(a["nfe"])) <= 6, True


@reproduces("sampler/sgmse_sb_analytic.npz", tolerance=1e-4)
def schroedinger_bridge(golden: Golden) -> Iterator[Comparison]:
    """Terms of the first step are 10^4 times larger than their sum: processors differ by 2e-5."""
    a = golden.arrays()

    def estimate(x: Tensor, t: Tensor) -> Tensor:
        return 0.6 * a["x0"] + 0.4 * x * per_item(t)

    for name, ours in (("ode", BridgeODE()), ("sde", BridgeSDE())):
        for steps in (3, 10):
            draw = noise(a["noise_bank"])
            yield from golden.compare(**{f"{name}_N{steps}_out": ours.sample(estimate, SBVE(), a["y"], steps, draw)})


@reproduces("sampler/storm_pc_nets.npz", tolerance=1e-4, uses=("sampler/storm_pc_nets.json",))
def with_networks(golden: Golden) -> Iterator[Comparison]:
    arrays = golden.arrays()
    noisy = arrays["Y"]
    for case in golden.beside("sampler/storm_pc_nets.json").json():
        tag = case["tag"]
        condition = {"score": "noisy", "storm_both": "both", "storm_post": "post_denoiser", "storm_noisy": "noisy"}[
            tag.partition("_rd")[0].partition("_em")[0]
        ]
        model = storm_model(golden, "sgmse_m" if tag.startswith("score") else "storm", condition)
        with torch.no_grad():
            start, seen = noisy, (noisy,)
            if "denoiser" in model.networks:
                start = model.networks["denoiser"](noisy)
                seen = conditioning(condition, noisy, start)
                yield from golden.compare(Y_denoised=start)
            draw = noise(arrays["noise_bank"])
            network = ScoreModel(model, start, seen)
            ours = sampler(case, "uniform").sample(network.score, SDE, start, case["N"], draw)
        yield from golden.compare(**{f"{tag}_out": ours})
