"""SDEs: perturbation kernel, drift and diffusion, forwards and in reverse, and the steps of the discretisations."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from methods.diffusion.paths import OUVE, OUVP, SBVE, per_item
from methods.diffusion.samplers.predictors import probability_flow, reverse_diffusion_mean
from tests.reference.golden import Comparison, Golden, reproduces


@reproduces("sde/ouve_*.npz", tolerance=1e-5)
def ouve(golden: Golden) -> Iterator[Comparison]:
    a = golden.arrays()
    sde = OUVE(*(float(a[key]) for key in ("theta", "sigma_min", "sigma_max")))
    x0, x, y, t = (a[key] for key in ("x0", "x", "y", "t"))
    mean, std, drift, g = sde.mean(x0, t, y), sde.std(t), sde.drift(x, t, y), sde.diffusion(t)
    yield from golden.compare(mean=mean, std=std, drift=drift, diffusion=g, logsig=sde.log_ratio)
    yield from golden.compare(std_float64=sde.std(t.double()), g_float64=sde.diffusion(t.double()))
    score = (mean - x) / per_item(std) ** 2
    yield from golden.compare(score=score, std_at_T=sde.std(torch.ones(1)))
    yield from golden.compare(prior_sample=sde.prior_sampling(y, lambda _: a["prior_noise"]))
    step = 1 / int(a["N"])
    yield from golden.compare(disc_f=drift * step, disc_G=g * step**0.5)
    yield from golden.compare(rev_drift=2 * probability_flow(lambda *_: score, sde, x, t, y) - drift)
    yield from golden.compare(rev_diffusion=per_item(g), rev_disc_G=per_item(g) * step**0.5)
    yield from golden.compare(rev_disc_f=x - reverse_diffusion_mean(lambda *_: score, sde, x, t, y, step))


@reproduces("sde/ouvp_*.npz", tolerance=1e-6)
def ouvp(golden: Golden) -> Iterator[Comparison]:
    a = golden.arrays()
    sde = OUVP(*(float(a[key]) for key in ("beta_min", "beta_max", "stiffness")))
    x0, y, t = (a[key] for key in ("x0", "y", "t"))
    yield from golden.compare(mean=sde.mean(x0, t, y), std=sde.std(t), drift=sde.drift(x0, t, y))
    yield from golden.compare(diffusion=sde.diffusion(t))


@reproduces("sde/sbve_*.npz", tolerance=1e-6)
def sbve(golden: Golden) -> Iterator[Comparison]:
    a = golden.arrays()
    sde = SBVE(*(float(a[key]) for key in ("k", "c", "eps")))
    x0, y, t = (a[key] for key in ("x0", "y", "t"))
    yield from golden.compare(mean=sde.mean(x0, t, y), std=sde.std(t), g=sde.diffusion(t))
    yield from golden.compare(sigma_t=sde.sigma(t), sigma_T=sde.sigma(torch.ones(1)), sigma_bar_t=sde.sigma_bar(t))
    ones = torch.ones_like(t)
    yield from golden.compare(alpha_t=ones, alpha_T=ones, alpha_bar_t=ones / (1 + sde.eps))
