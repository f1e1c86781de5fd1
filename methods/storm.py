"""StoRM, stochastic regeneration: predict, then diffuse from the prediction."""

from __future__ import annotations

from torch import Tensor

from methods.conditioning import conditioning
from methods.diffusion.score_matching import score_loss
from methods.losses import Losses, Objective, SpectrogramBatch, two_stage
from methods.noise import RandnLike
from methods.spectral import EnhancedSpectrogram
from methods.two_stage import TwoStage


class StoRM(TwoStage):
    """Lemercier et al. 2023, Algorithm 2: the reverse process starts from D(y) + noise and drifts to D(y).

    Follows the released code where the paper differs (docs/paper-vs-code.md): signs and g^2 of the predictor step
    (which agree with Eqs. (2) and (10), not with the printed algorithm), times down to t_eps in steps of 1/N, the
    last step's noise-free mean. By default the sampler has no corrector and N = 30, as in the released model's
    ``enhance``; the release's script uses N = 50 with one annealed Langevin step. The paper's algorithm is
    ``times="to_zero", stepping="grid", denoise=False, corrector="ald"``.
    """

    name = "storm"
    paradigm = "regeneration"
    batches = True
    default_steps = 30

    def spectrogram_loss(self, batch: SpectrogramBatch, objective: Objective) -> Losses:
        """Gradients flow from the score term into the predictive network, unless it is frozen."""
        estimate = self.trained_estimate(batch.noisy, objective)
        beside = conditioning(self.model.settings.condition, batch.noisy, estimate)
        score = score_loss(self.model, objective, batch.clean, estimate, beside, batch.t, batch.z)
        return two_stage(objective, batch.clean - estimate, score)

    def enhance_spectrogram(self, noisy: Tensor, steps: int | None, randn_like: RandnLike) -> EnhancedSpectrogram:
        estimate, calls = self.estimate(noisy)
        beside = conditioning(self.model.settings.condition, noisy, estimate)
        return EnhancedSpectrogram(self.sample(estimate, beside, steps, randn_like), estimate, calls)
