"""How the networks of a reference checkpoint are to be run, from its hyper-parameters.

What they leave out is what the reference's constructors have by default. Their training scripts' defaults
differ (StoRM's: a spectral factor of 0.33), but those stand in the file. A key that is not known says
nothing about how networks are run, and is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.core.errors import UserError
from methods.checkpoints.lightning import Checkpoint
from methods.diffusion.parametrization import PARAMETRIZATIONS, Parametrization
from methods.diffusion.paths import PATHS, Path, path_from
from methods.spectrogram import Spectrogram

Settings = Mapping[str, Any]
"""A checkpoint's hyper-parameters."""

BACKBONES = ("ncsnpp", "ncsnpp_v2", "ncsnpp_48k", "ncsnpplarge", "ncsnpp12M", "ncsnpp6M")
"""Those that are an NCSN++ as ours, whatever its sizes."""


READ: dict[str, tuple[Any, ...]] = {
    "sde": ("ouve", "ouvp", "sbve"),
    "spatial_channels": (1,),
    "return_time": (False,),
    "input_y": (True,),
    "output_std_exponent": (0, -1),
}
"""Values of options that change what a network computes, or what it computes on."""


def project(checkpoint: Checkpoint) -> str:
    """Which of the two projects wrote it: "StoRM" or "SGMSE". They name their networks alike."""
    marks = {"spatial_channels", "discriminative"} & checkpoint.hyper_parameters.keys()
    return "StoRM" if marks or any(key.startswith("score_net.") for key in checkpoint.state) else "SGMSE"


def check(checkpoint: Checkpoint) -> None:
    """That the networks are of a kind that is here.

    Raises:
        UserError: they are not; the message names the hyper-parameter.
    """
    settings = checkpoint.hyper_parameters
    for role in ("backbone", "backbone_denoiser", "backbone_score"):
        if (name := settings.get(role, "ncsnpp")) not in BACKBONES:
            raise UserError(f"{checkpoint.path}: its {role} is '{name}'; what is read is {', '.join(BACKBONES)}")
    for key, read in READ.items():
        if settings.get(key, read[0]) not in read:
            wanted = " or ".join(map(str, read))
            raise UserError(f"{checkpoint.path}: trained with {key}={settings[key]}; what is read is {wanted}")


def network_options(checkpoint: Checkpoint) -> dict[str, bool]:
    """What of ``NCSNpp`` the weights' shapes do not tell."""
    if checkpoint.hyper_parameters.get("backbone") == "ncsnpp_v2":
        return {"centered": True, "scale_by_time": False}
    return {"centered": _centered(checkpoint)}


def _centered(checkpoint: Checkpoint) -> bool:
    """Whether the networks take their input as it is, rather than 2x - 1.

    SGMSE's files say so. StoRM's do not: its code shifted the input, until the branch that moved to
    Lightning 2 no longer did.
    """
    if "centered" in checkpoint.hyper_parameters:
        return bool(checkpoint.hyper_parameters["centered"])
    major = checkpoint.about["lightning"].partition(".")[0]
    return project(checkpoint) == "SGMSE" or (major.isdigit() and int(major) >= 2)


def spectrogram(settings: Settings) -> Spectrogram:
    """The transform, its padding, and the rate: 16 kHz unless the file or its backbone says otherwise."""
    backbone = settings.get("backbone")
    return Spectrogram(
        n_fft=int(settings.get("n_fft", 510)),
        hop=int(settings.get("hop_length", 128)),
        window=settings.get("window", "hann"),
        transform=settings.get("transform_type", "exponent"),
        exponent=float(settings.get("spec_abs_exponent", 0.5)),
        factor=float(settings.get("spec_factor", 0.15)),
        # Both as SGMSE's script has them, whatever ``sr`` says: training leaves that at 16000.
        padding="reflect" if backbone in ("ncsnpp_v2", "ncsnpp_48k") else "zeros",
        sample_rate=48000 if backbone == "ncsnpp_48k" else int(settings.get("sr", 16000)),
    )


def sde(settings: Settings) -> Path:
    """The process; its parameters have the reference's names."""
    name = settings.get("sde", "ouve")
    parameters = PATHS.options(name)
    return path_from({"name": name, **{key: float(settings[key]) for key in parameters if key in settings}})


def parametrization(settings: Settings) -> Parametrization:
    """What the score network's output stands for."""
    clean = settings.get("loss_type") == "data_prediction"
    if settings.get("backbone") != "ncsnpp_v2":  # these return minus the network, whatever they predict
        scaled = settings.get("output_std_exponent") == -1  # of StoRM's first release
        return PARAMETRIZATIONS.create(
            "clean" if clean else "score", c_out="-1", network_scaling="1/sigma" if scaled else "1"
        )
    scaling = settings.get("network_scaling") or "1"
    if settings.get("loss_type") == "denoiser":  # which applies neither c_skip nor c_out
        return PARAMETRIZATIONS.create("mean", network_scaling=scaling, **_given(settings, "c_in", "sigma_data"))
    names = ("c_in", "c_out", "c_skip", "sigma_data")
    return PARAMETRIZATIONS.create(
        "clean" if clean else "score", network_scaling=scaling, **{"c_out": "1", **_given(settings, *names)}
    )


def _given(settings: Settings, *names: str) -> dict[str, Any]:
    return {name: settings[name] for name in names if name in settings}


def sampler(checkpoint: Checkpoint) -> dict[str, Any]:
    """What the project's ``enhancement.py`` samples with when it is told nothing else.

    The steps of a Schroedinger bridge are those it was trained to be evaluated with.
    """
    settings = checkpoint.hyper_parameters
    if settings.get("sde") == "sbve":
        return {"sampler": "ode", "steps": int(settings.get("N", 50))}
    script = _SCRIPTS[project(checkpoint)]
    # Annealed Langevin steps need a standard deviation, which this SDE has not; StoRM's script stops there.
    return {**script, "corrector": "none"} if settings.get("sde") == "ouvp" else dict(script)


_PREDICTOR_CORRECTOR = {"predictor": "reverse_diffusion", "corrector": "ald", "corrector_steps": 1, "snr": 0.5}
_SCRIPTS: dict[str, dict[str, Any]] = {
    "StoRM": {"sampler": "pc", **_PREDICTOR_CORRECTOR, "stepping": "uniform", "steps": 50},
    "SGMSE": {"sampler": "pc", **_PREDICTOR_CORRECTOR, "stepping": "grid", "steps": 30},
}
