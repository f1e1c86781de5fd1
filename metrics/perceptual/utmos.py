"""UTMOS: a non-intrusive prediction of the mean opinion score (1 to 5) for the naturalness of synthetic speech.

Saeki et al., "UTMOS: UTokyo-SaruLab System for VoiceMOS Challenge 2022", Interspeech 2022, its strong learner, by
the package ``utmos-pytorch``. It was trained on synthesised and converted voices, and favours generative methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.core.errors import UserError
from metrics.base import Clip, Metric, Undefined
from metrics.models import model_file, needed, sha256


class Utmos(Metric):
    """Needs the extra ``utmos``.

    Args:
        weights: the package's state dict; None: downloaded by the package on first use.

    Raises:
        UserError: the package is not installed, or the weights cannot be had.
    """

    label = "UTMOS"
    unit = "MOS"
    aspect = "quality"
    low, high = 1.0, 5.0
    needs_clean = False
    sample_rate = 16000
    min_seconds = 0.025
    full_scale = True
    package = "utmos-pytorch"

    def __init__(self, weights: str | None = None) -> None:
        package = needed("utmos_pytorch", "utmos")
        how = "name the package's utmos_state_dict.pt: {name: utmos, weights: FILE}"
        try:
            self._file = model_file(weights, "utmos", how) if weights else Path(package.utils.download_utmos_ckpt())
            self._network = package.UTMOSScoreTorch(ckpt_path=str(self._file), device="cpu")
        except UserError:
            raise
        except Exception as error:  # of the package, its hub client or its network library
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise UserError(f"utmos: its weights cannot be loaded ({reason}); {how}") from error

    def compute(self, clip: Clip) -> float:
        import torch

        if np.ptp(clip.enhanced) == 0:
            raise Undefined("the enhanced speech is constant: there is nothing to hear")
        return float(self._network.score(torch.from_numpy(clip.enhanced.copy())))

    def settings(self) -> Mapping[str, str]:
        return {"weights": sha256(self._file)}
