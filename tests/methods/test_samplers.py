"""Samplers: exactness, counts, draws."""

import pytest
import torch
from torch import Tensor

from bench.core.errors import UserError
from methods.diffusion.paths import OUVE, OUVP, SBVE, per_item
from methods.diffusion.samplers import BridgeODE, BridgeSDE, PredictorCorrector, ProbabilityFlow, choose
from methods.diffusion.samplers.correctors import annealed_langevin, langevin

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


def test_the_papers_times_go_down_to_one_nth_and_its_last_noise_stays() -> None:
    times, lengths = PredictorCorrector(times="to_zero", stepping="grid").grid(4)
    assert times.tolist() == [1, 0.75, 0.5, 0.25] and lengths == [0.25] * 4
    x0, y = pair()
    kept, left_out = (
        PredictorCorrector(corrector="none", denoise=denoise).sample(AnalyticScore(x0, y), SDE, y, 5, torch.ones_like)
        for denoise in (False, True)
    )
    g = SDE.diffusion(torch.tensor([0.03])).item()
    assert torch.allclose(kept - left_out, torch.full_like(y, g * 0.2**0.5), atol=1e-5)


def test_langevin_steps_are_as_long_as_the_noise_says() -> None:
    """eps s has the length 2 r^2 ||z||^2 / ||s||, whatever the score's scale is."""
    x, t = pair()[0], torch.ones(2)
    z = torch.ones_like(x)
    for scale in (0.1, 10.0):
        _, mean = langevin(lambda x, t, scale=scale: scale * torch.ones_like(x), SDE, x, t, 0.5, 1, lambda _: z)
        assert torch.allclose(mean - x, torch.full_like(x, 0.5 / scale))
    same, _ = langevin(lambda x, t: x, SDE, x, t, 0.5, 3, torch.zeros_like)
    assert torch.equal(same, x)


def test_annealed_langevin_keeps_the_perturbation_kernel() -> None:
    """Many small steps with its exact score leave a Gaussian's spread as it is."""
    x0 = torch.zeros(1, 1, 64, 64, dtype=torch.complex64)
    t, generator = torch.tensor([0.5]), torch.Generator().manual_seed(0)

    def draw(like: Tensor) -> Tensor:
        return torch.randn(like.shape, dtype=like.dtype, generator=generator)

    std = SDE.std(t).item()
    x, _ = annealed_langevin(lambda x, t: -x / std**2, SDE, std * draw(x0), t, 0.1, 50, draw)
    assert x.abs().square().mean().sqrt().item() == pytest.approx(std, rel=0.05)


def test_annealed_langevin_is_refused_for_a_process_without_sigma() -> None:
    x = pair()[0]
    with pytest.raises(UserError, match="corrector=ald is not defined for the SDE ouvp"):
        annealed_langevin(lambda x, t: x, OUVP(0.1, 1.0), x, torch.ones(2), 0.5, 1, torch.ones_like)


def test_the_ode_sampler_follows_the_flow_and_counts_what_its_tolerance_asks_for() -> None:
    """Towards one known clean signal the flow is mean(t) + sigma(t) (x(1) - mean(1)) / sigma(1)."""
    x0, y = pair()
    last, first = torch.full((2,), 0.03), torch.ones(2)
    errors, calls = [], []
    for tolerance in (1e-3, 1e-6):
        score, draws = AnalyticScore(x0, y), iter([torch.ones_like(y)])  # the prior's only
        sampler = ProbabilityFlow(tolerance, tolerance, denoise=False)
        found = sampler.sample(score, SDE, y, 30, lambda _, draws=draws: next(draws))
        start = y + per_item(SDE.std(first))
        share = per_item(SDE.std(last) / SDE.std(first))
        expected = SDE.mean(x0, last, y) + share * (start - SDE.mean(x0, first, y))
        errors.append((found - expected).abs().max().item())
        calls.append(score.calls)
    assert errors[1] < 1e-5 < errors[0] < 0.02
    assert calls[0] < calls[1] and all(count % 6 == 2 for count in calls)  # two to begin with, six a step


def test_a_solver_that_gives_up_says_so() -> None:
    _, y = pair()
    with pytest.raises(UserError, match="the score is not finite at t=1"):
        ProbabilityFlow().sample(lambda x, t: x * torch.nan, SDE, y, 3, torch.zeros_like)
    with pytest.raises(UserError, match="after 100 network calls; raise rtol, atol"):
        ProbabilityFlow(max_calls=100).sample(lambda x, t: torch.randn_like(x), SDE, y, 3, torch.zeros_like)


@pytest.mark.parametrize("sampler", [BridgeODE(), BridgeSDE()], ids=["ode", "sde"])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_bridge_reaches_a_known_clean_speech_in_any_number_of_steps(
    sampler: BridgeODE | BridgeSDE, steps: int
) -> None:
    x0, y = pair()
    calls = 0

    def clean(x: Tensor, t: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return x0

    found = sampler.sample(clean, SBVE(), y, steps, torch.ones_like)
    assert calls == steps
    assert (found - x0).abs().max() < 0.02  # t_eps is not 0


def test_the_bridges_states_have_its_own_marginals() -> None:
    """Half-way to a known clean speech, ancestral sampling has the kernel's mean and spread."""
    sde, x0 = SBVE(), torch.zeros(1, 1, 64, 64, dtype=torch.complex64)
    y, t = x0 + 1, torch.tensor([0.5])
    states: list[Tensor] = []
    generator = torch.Generator().manual_seed(0)

    def clean(x: Tensor, time: Tensor) -> Tensor:
        states.append(x)
        return x0

    BridgeSDE(t_eps=0.0).sample(
        clean, sde, y, 4, lambda like: torch.randn(like.shape, dtype=like.dtype, generator=generator)
    )
    half_way = states[2]
    assert half_way.mean().real.item() == pytest.approx(sde.mean(x0, t, y).real.mean().item(), abs=0.03)
    assert half_way.std().item() == pytest.approx(sde.std(t).item(), rel=0.05)


def test_a_bridge_sampler_is_for_bridges() -> None:
    _, y = pair()
    with pytest.raises(UserError, match="BridgeODE cannot run along the SDE ouve"):
        BridgeODE().sample(lambda x, t: x, SDE, y, 3, torch.ones_like)


def test_the_sampler_is_what_is_told_else_what_the_weights_ask_for() -> None:
    weights = {"predictor": "ddim", "corrector": "none", "stepping": "grid"}
    assert choose(SDE, {}, {}, 0.03) == PredictorCorrector()
    assert choose(SDE, {"snr": 0.3}, weights, 0.05) == PredictorCorrector("ddim", "none", 1, 0.3, "grid", t_eps=0.05)
    assert choose(SDE, {"sampler": "ode", "rtol": 1e-3}, weights, 0.05) == ProbabilityFlow(
        1e-3, stepping="grid", t_eps=0.05
    )
    assert choose(SDE, {"t_eps": 0.1}, weights, 0.05) == PredictorCorrector(**weights, t_eps=0.1)
    assert choose(SBVE(), {}, weights, 0.03) == BridgeODE()
    assert choose(SBVE(), {}, {"sampler": "sde"}, 0.03) == BridgeSDE()


@pytest.mark.parametrize(
    ("told", "defaults", "message"),
    [
        ({"sampler": "sde"}, {}, "did you mean 'ode'"),
        ({"sampler": "ode", "corrector": "ald"}, {}, "sampler=ode .* has no option corrector; it has rtol"),
        ({"rtol": 1e-3}, {}, "sampler=pc .* has no option rtol; it has predictor, corrector"),
        ({}, {"corector": "ald"}, "did you mean 'corrector'"),
    ],
)
def test_options_of_another_sampler_are_refused(
    told: dict[str, object], defaults: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        choose(SDE, told, defaults, 0.03)


def test_the_reverse_process_starts_where_it_is_told() -> None:
    """From the prior of that time, down a grid that begins there."""
    times, lengths = PredictorCorrector(stepping="grid").grid(3, 0.5)
    assert times.tolist() == pytest.approx([0.5, 0.265, 0.03]) and lengths == pytest.approx([0.235, 0.235, 0.03])
    x0, y = pair()
    for sampler in (PredictorCorrector(corrector="none", stepping="grid", start=0.4), ProbabilityFlow(start=0.4)):
        score, asked = AnalyticScore(x0, y), []

        def noted(x: Tensor, t: Tensor, score: AnalyticScore = score, asked: list[float] = asked) -> Tensor:
            asked.append(t[0].item())
            return score(x, t)

        sampler.sample(noted, SDE, y, 3, torch.zeros_like)
        assert max(asked) == pytest.approx(0.4)
    assert choose(SDE, {"start": 0.4}, {}, 0.03).start == 0.4
    with pytest.raises(UserError, match=r"start=1.5: for the SDE ouve a time above t_eps=0.03, at most T=1"):
        choose(SDE, {"start": 1.5}, {}, 0.03)
    with pytest.raises(UserError, match=r"start=0.01: for the SDE ouve a time above t_eps"):
        choose(SDE, {"sampler": "ode", "start": 0.01}, {}, 0.03)
