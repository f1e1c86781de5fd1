"""Waveform in, waveform out, with the reference's noise replayed; the signal and the noise are the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from methods.predictive import NCSNppM
from methods.refinement import StochasticRefinement
from methods.sgmse import SGMSE
from methods.spectral import SpectralMethod
from methods.storm import StoRM
from tests.reference.checks.systems import sgmse_model, storm_model
from tests.reference.golden import Comparison, Golden, noise, reproduces

BANK = "enhance/noise_bank_1x1x256x192.npz"
NOISY = "enhance/storm_enhance.npz"
ALD: dict[str, Any] = {"corrector": "ald"}


def enhance(golden: Golden, method: SpectralMethod, steps: int | None) -> torch.Tensor:
    noisy = golden.beside(NOISY).arrays()["noisy"].reshape(-1)
    bank = golden.beside(BANK).arrays()["noise_re_im_f16"].float()
    enhanced = method.enhance_waveform(noisy.numpy(), steps, noise(torch.view_as_complex(bank)))
    return torch.from_numpy(enhanced.audio)


@reproduces(NOISY, tolerance=1e-4, uses=(BANK, "enhance/storm_enhance.json"))
def storm(golden: Golden) -> Iterator[Comparison]:
    """Each tag with what the StoRM release's class has by default, or the file's arguments."""
    kinds: dict[str, tuple[type[SpectralMethod], str]] = {
        "disc": (NCSNppM, "noisy"),
        "storm_both_denoiser_only": (NCSNppM, "noisy"),
        "score": (SGMSE, "noisy"),
        "storm_both": (StoRM, "both"),
        "storm_post": (StoRM, "post_denoiser"),
        "storm_noisy": (StoRM, "noisy"),
    }
    for case in golden.beside("enhance/storm_enhance.json").json():
        tag, options = case["tag"], {key: value for key, value in case["kwargs"].items() if key != "denoiser_only"}
        kind, condition = kinds[tag] if tag in kinds else kinds["_".join(tag.split("_")[: 1 + tag.startswith("storm")])]
        method = kind(storm_model(golden, kind.name, condition), **{k: v for k, v in options.items() if k != "N"})  # type: ignore[abstract]
        yield from golden.compare(**{tag: enhance(golden, method, options.get("N"))})
    yield from spectrograms(golden)


def spectrograms(golden: Golden) -> Iterator[Comparison]:
    """The peak, what a network sees of the recording, and StoRM's estimate: every eighth bin and frame."""
    noisy = golden.arrays()["noisy"].reshape(1, -1)
    peak = float(np.abs(noisy.numpy()).max())
    method = StoRM(storm_model(golden, "storm"))
    transform = method.model.spectrogram
    seen = transform.pad(transform.forward(noisy / peak))
    bank = torch.view_as_complex(golden.beside(BANK).arrays()["noise_re_im_f16"].float())
    with torch.inference_mode():
        estimate = method.enhance_spectrogram(seen, 3, noise(bank)).speech
    yield from golden.compare(norm_factor=peak, Y_padded_sub8=seen[0, 0, ::8, ::8])
    yield from golden.compare(storm_both_N3_spec_sub8=estimate[0, 0, ::8, ::8])


@reproduces("enhance/refine_enhance.npz", tolerance=1e-4, uses=(BANK, NOISY, "enhance/refine_enhance.json"))
def refinement(golden: Golden) -> Iterator[Comparison]:
    """As trained ("global"), and as the first release behaves ("official_perbin")."""
    for case in golden.beside("enhance/refine_enhance.json").json():
        tag = case["tag"]
        condition = next(name for name in ("both", "post_denoiser", "noisy") if name in tag)
        model = storm_model(golden, "refinement", condition, residue_in_stft="residue_in_stft" in tag)
        normalisation = "bin" if tag.endswith("perbin") else "clip"
        method = StochasticRefinement(model, normalisation, corrector=case["corrector"])
        yield from golden.compare(**{tag: enhance(golden, method, case["N"])})


@reproduces("enhance/sgmse_enhance.npz", tolerance=2e-4, uses=(BANK, NOISY, "enhance/sgmse_enhance.json"))
def sgmse(golden: Golden) -> Iterator[Comparison]:
    """The bridge's first step along its flow divides by sigma_bar(1) = 1e-4, and magnifies every rounding so."""
    for case in golden.beside("enhance/sgmse_enhance.json").json():
        tag = case["tag"]
        kind = "ncsnpp" if "ncsnpp" in tag else "bridge" if "_sb_" in tag else "v2"
        options: dict[str, Any] = {"corrector": case.get("corrector", "ald"), "stepping": "grid"}
        if kind == "bridge":
            options = {"sampler": "sde" if "sde" in tag else "ode"}
        method = SGMSE(sgmse_model(golden, kind), **options)
        yield from golden.compare(**{tag: enhance(golden, method, case["N"])})
    transform = sgmse_model(golden, "v2").spectrogram
    noisy = golden.beside(NOISY).arrays()["noisy"].reshape(1, -1)
    seen = transform.pad(transform.forward(noisy / noisy.abs().max()))
    yield from golden.compare(Y_reflect_padded_sub8=seen[0, 0, ::8, ::8])
