"""StoRM, stochastic regeneration: predict, then diffuse from the prediction."""

from __future__ import annotations

from torch import Tensor

from methods.base import METHODS
from methods.conditioning import conditioning
from methods.diffusion.method import DiffusionMethod
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram


@METHODS.register("storm")
class StoRM(DiffusionMethod):
    """Lemercier et al. 2023, Algorithm 2: the reverse process starts from D(y) + noise and drifts to D(y).

    Follows the released code where the paper differs (docs/paper-vs-code.md): signs and g^2 of the
    predictor step (which agree with Eqs. (2) and (10), not with the printed algorithm), times down to
    t_eps in steps of 1/N, the last step's noise-free mean. Weights that ask for no other sampler are run
    without corrector at N = 30, as the released model's own ``enhance``; the release's script runs N = 50
    with one annealed Langevin step. The paper's algorithm is ``times="to_zero", stepping="grid",
    denoise=False, corrector="ald"``.
    """

    name = "storm"
    paradigm = "regeneration"
    two_stages = True
    default_steps = 30

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        estimate: Tensor = self.model.networks["denoiser"](noisy)
        beside = conditioning(self.model.condition, noisy, estimate)
        return EnhancedSpectrogram(self.sample(estimate, beside, steps, randn_like), estimate)
