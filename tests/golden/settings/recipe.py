"""Small files of every kind that the two projects write, and what is changed in them: shared by ``make`` and the tests.

Weights, noise and the noisy waveform are drawn by numpy's legacy generator, which gives the same numbers
everywhere, so that none of them needs to be stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLES = 700
FRAMES = 64
STEPS = 2
"""N of the predictor-corrector; a Schroedinger bridge takes the file's."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Kind:
    """What one of the training scripts writes.

    Attributes:
        project: "storm" or "sgmse".
        model: the reference's class.
        settings: its hyper-parameters.
        changes: hyper-parameters and the values that they are given, one at a time.
    """

    project: str
    model: str
    settings: dict[str, Any]
    changes: dict[str, tuple[Any, ...]]


TRAINING: dict[str, tuple[Any, ...]] = {
    "lr": (1e-3,),
    "ema_decay": (0.99,),
    "num_eval_files": (3,),
    "base_dir": ("elsewhere",),
    "format": ("reverb",),
    "batch_size": (2,),
    "num_frames": (128,),
    "num_workers": (0,),
    "dummy": (True,),
    "unheard_of": (1,),
}
TRANSFORM: dict[str, tuple[Any, ...]] = {
    "n_fft": (64, 58, 126),
    "hop_length": (8,),
    "window": ("sqrthann", "hamming"),
    "spec_factor": (0.2,),
    "spec_abs_exponent": (0.7, 1),
    "transform_type": ("log", "none"),
    "normalize": ("clean", "not"),
}
OUVE: dict[str, tuple[Any, ...]] = {
    "theta": (1.0,),
    "sigma_min": (0.1,),
    "sigma_max": (1.0,),
    "t_eps": (0.1,),
    "N": (3,),
    "sde_n": (30,),
    "sampler_type": ("ode",),
    "k": (2.0,),
    "c": (0.3,),
    "eps": (1e-3,),
    "sde": ("bbed",),
}
NETWORK: dict[str, tuple[Any, ...]] = {
    "nf": (16,),
    "ch_mult": ([1, 1], [1, 2, 2]),
    "num_res_blocks": (2,),
    "attn_resolutions": ([], [32], [8]),
    "image_size": (64, 256),
    "nonlinearity": ("elu", "relu", "lrelu", "swish", "gelu"),
    "skip_rescale": (False,),
    "fir": (False,),
    "fir_kernel": ([1, 2, 2, 1], [1, 2, 1], [1, 1], [3, 1], [1, 2, 3, 4, 5], [1], [[1, 2], [2, 1]]),
    "resamp_with_conv": (False,),
    "resblock_type": ("ddpm", "BigGAN"),
    "progressive": ("none", "residual", "output_skip"),
    "progressive_input": ("none", "residual", "input_skip"),
    "progressive_combine": ("cat",),
    "embedding_type": ("positional",),
    "init_scale": (1.0,),
    "fourier_scale": (8,),
    "dropout": (0.5,),
    "scale_by_sigma": (False,),
    "centered": (True, False),
    "conditional": (False,),
    "discriminative": (True, False),
    "input_channels": (2,),
    "spatial_channels": (2,),
}
OBJECTIVE: dict[str, tuple[Any, ...]] = {
    "loss_type": ("mse", "mae", "denoiser", "data_prediction", "score_matching"),
    "loss_weighting": ("edm",),
    "network_scaling": ("1/sigma", "1/t"),
    "c_in": ("edm",),
    "c_out": ("sigma", "1/sigma", "edm"),
    "c_skip": ("edm",),
    "sigma_data": (0.5,),
    "l1_weight": (0.1,),
    "pesq_weight": (0.5,),
}
STORM_OBJECTIVE: dict[str, tuple[Any, ...]] = {
    "transform": ("log",),
    "return_time": (True,),
    "mode": ("regen-freeze-denoiser",),
    "condition": ("noisy", "post_denoiser", "both"),
    "loss_type": ("mae",),
    "loss_type_denoiser": ("mae",),
    "loss_type_score": ("mae",),
    "weighting_denoiser_to_score": (0.1,),
}

_SIGNAL = {"n_fft": 62, "hop_length": 16, "num_frames": 64, "window": "hann", "spec_abs_exponent": 0.5}
_LOADING = {"base_dir": "data", "batch_size": 8, "num_workers": 8, "dummy": False}
_OUVE = {"sde": "ouve", "theta": 1.5, "sigma_min": 0.05, "sigma_max": 0.5}
_STORM = {
    **_SIGNAL,
    **_LOADING,
    **_OUVE,
    **{"lr": 1e-4, "ema_decay": 0.999, "t_eps": 0.03, "num_eval_files": 10, "spatial_channels": 1, "sde_n": 1000},
    **{"format": "wsj0", "spec_factor": 0.33, "return_time": False, "nf": 8, "ch_mult": [1, 2]},
}
_SGMSE = {
    **_SIGNAL,
    **_LOADING,
    **{"lr": 1e-4, "ema_decay": 0.999, "t_eps": 0.03, "num_eval_files": 20, "loss_type": "score_matching"},
    **{"loss_weighting": "sigma^2", "network_scaling": None, "c_in": "1", "c_out": "1", "c_skip": "0"},
    **{"sigma_data": 0.1, "l1_weight": 0.001, "pesq_weight": 0.0, "sr": 16000, "format": "default"},
    **{"spec_factor": 0.15, "normalize": "noisy", "transform_type": "exponent"},
    **{"nf": 8, "ch_mult": [1, 2], "num_res_blocks": 1, "attn_resolutions": [16], "image_size": 32},
}
_PC = {**_OUVE, "N": 30, "sampler_type": "pc"}
_BRIDGE = {"sde": "sbve", "k": 2.6, "c": 0.4, "eps": 1e-8, "N": 4, "sampler_type": "ode"}
_BRIDGE_CHANGES = {**OUVE, "eps": (1e-3,), "sampler_type": ("sde",), "sde": ()}

_STORM_CHANGES = {**TRAINING, **TRANSFORM, **OUVE, **NETWORK, **STORM_OBJECTIVE, "attn_resolutions": ([16],)}
_SGMSE_CHANGES = {**TRAINING, **TRANSFORM, **OUVE, **NETWORK, **OBJECTIVE}

KINDS: dict[str, Kind] = {
    "storm_score": Kind(
        "storm", "ScoreModel", {**_STORM, "backbone": "ncsnpp", "loss_type": "mse", "transform": "none"}, _STORM_CHANGES
    ),
    "storm_denoiser": Kind(
        "storm",
        "DiscriminativeModel",
        {**_STORM, "backbone": "ncsnpp", "loss_type": "mse", "transform": "none", "discriminative": True},
        _STORM_CHANGES,
    ),
    "storm_joint": Kind(
        "storm",
        "StochasticRegenerationModel",
        {
            **_STORM,
            **{"backbone_denoiser": "ncsnpp", "backbone_score": "ncsnpp", "mode": "regen-joint-training"},
            **{"condition": "both", "loss_type_denoiser": "mse", "loss_type_score": "mse"},
            "weighting_denoiser_to_score": 0.5,
        },
        _STORM_CHANGES,
    ),
    "sgmse": Kind("sgmse", "ScoreModel", {**_SGMSE, **_PC, "backbone": "ncsnpp", "centered": True}, _SGMSE_CHANGES),
    "v2": Kind("sgmse", "ScoreModel", {**_SGMSE, **_PC, "backbone": "ncsnpp_v2"}, _SGMSE_CHANGES),
    "v2_edm": Kind(
        "sgmse",
        "ScoreModel",
        {**_SGMSE, **_PC, "backbone": "ncsnpp_v2", "c_in": "edm", "c_out": "edm", "c_skip": "edm"},
        OBJECTIVE,
    ),
    "v2_denoiser": Kind(
        "sgmse", "ScoreModel", {**_SGMSE, **_PC, "backbone": "ncsnpp_v2", "loss_type": "denoiser"}, OBJECTIVE
    ),
    "bridge": Kind(
        "sgmse",
        "ScoreModel",
        {**_SGMSE, **_BRIDGE, "backbone": "ncsnpp_v2", "loss_type": "data_prediction"},
        {**_SGMSE_CHANGES, **_BRIDGE_CHANGES},
    ),
    "bridge_edm": Kind(
        "sgmse",
        "ScoreModel",
        {**_SGMSE, **_BRIDGE, "backbone": "ncsnpp_v2", "loss_type": "data_prediction", "c_in": "edm", "c_skip": "edm"},
        {"eps": (1e-3,), "sigma_data": (0.5,), "k": (2.0,)},
    ),
    "48k": Kind(
        "sgmse",
        "ScoreModel",
        {
            **{**_SGMSE, **_PC, "backbone": "ncsnpp_48k", "centered": True, "attn_resolutions": []},
            **{"progressive": "none", "progressive_input": "none"},
        },
        _SGMSE_CHANGES,
    ),
    "48k_pyramids": Kind(
        "sgmse",
        "ScoreModel",
        {
            **{**_SGMSE, **_PC, "backbone": "ncsnpp_48k", "centered": True, "attn_resolutions": []},
            **{"progressive": "output_skip", "progressive_input": "input_skip"},
        },
        NETWORK,
    ),
    "sgmse_without_pyramids": Kind(
        "sgmse",
        "ScoreModel",
        {
            **{**_SGMSE, **_PC, "backbone": "ncsnpp", "centered": True},
            **{"progressive": "none", "progressive_input": "none"},
        },
        NETWORK,
    ),
}


def cases(kind: Kind) -> Iterator[tuple[str, dict[str, Any]]]:
    """A name and the hyper-parameters for the file as it is, then for each change."""
    yield "as it is", kind.settings
    for key, values in kind.changes.items():
        for value in values:
            if key not in kind.settings or kind.settings[key] != value:
                yield f"{key}={value}", {**kind.settings, key: value}


def weights(shapes: Iterable[tuple[str, tuple[int, ...]]]) -> dict[str, Array]:
    """Numbers for every weight, in the order of the reference's names."""
    drawn: dict[str, Array] = {}
    for index, (name, shape) in enumerate(shapes):
        scale = 1.0 if name.endswith("all_modules.0.W") else 0.2
        drawn[name] = (scale * np.random.RandomState(index).standard_normal(shape)).astype(np.float32)
    return drawn


def noisy() -> Array:
    """The recording, ``[SAMPLES]``."""
    return (0.1 * np.random.RandomState(1).standard_normal(SAMPLES)).astype(np.float32)


def noise() -> Iterator[NDArray[np.complex64]]:
    """Complex noise of unit variance for one draw after the other, ``[1, 1, 256, 256]`` to be cut to size."""
    for seed in range(1000, 2000):
        parts = np.random.RandomState(seed).standard_normal((2, 1, 1, 256, 256)) * np.sqrt(0.5)
        yield (parts[0] + 1j * parts[1]).astype(np.complex64)
