"""How the networks of a reference checkpoint are to be run, from its hyper-parameters.

What they leave out is what the reference's constructors have by default. Their training scripts' defaults
differ (StoRM's: a spectral factor of 0.33), but those stand in the file. What the project's code does not
read is not read here either; what it reads and is not here is refused (``settings.FileSettings``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.core.errors import UserError
from methods.backbones.fir import KERNEL
from methods.backbones.fused import ACTIVATIONS
from methods.checkpoints.architecture import Sizes, check_sizes
from methods.checkpoints.diffusion import PRIORS, SDES, parametrization_of, sampler_of, sde_of, trained_to
from methods.checkpoints.lightning import Checkpoint
from methods.checkpoints.networks import NETWORKS, PREDICTIVE, network_sizes
from methods.checkpoints.settings import FileSettings, shown
from methods.conditioning import CONDITIONS
from methods.diffusion.parametrization import Parametrization, ScorePrediction
from methods.diffusion.paths import OUVE, Path
from methods.spectrogram import TRANSFORMS, WINDOWS, Spectrogram

BACKBONES = ("ncsnpp", "ncsnpp_v2", "ncsnpp_48k", "ncsnpplarge", "ncsnpp28M", "ncsnpp12M", "ncsnpp6M")
"""Those that are an NCSN++ as ours, whatever its sizes; ``networks`` has the others."""

OWN_SDES = ("ouve", "ouvp", "sbve")
"""Those that StoRM's and SGMSE's code knows; the others are of its forks."""

ROLES = {"dnn": "backbone", "denoiser_net": "backbone_denoiser", "score_net": "backbone_score"}
"""Where a file names the backbone of each of its networks."""

STORM_ONLY = {"spatial_channels", "discriminative", "return_time", "condition", "mode", "transform"}
SGMSE_ONLY = {"transform_type", "normalize", "centered", "num_res_blocks", "attn_resolutions", "sampler_type", "c_in"}
"""Options that only one of the two projects has."""

ONLY = {"resblock_type": "biggan", "embedding_type": "fourier", "input_y": True, "minus": True, "time_cond": "t"}
"""Options of networks with a single value that is here; the last three are of SGMSE before its release."""

FORKS = {"ode": "FlowSE", "output_scale": "CRP", "inference_N": "CRP", "inference_start": "CRP", "T_sampling": "BBED"}
"""Options that only these projects have, which began as SGMSE, write the same kind of file, and sample otherwise."""


@dataclass(frozen=True)
class Configuration:
    """All that a file's hyper-parameters say.

    Attributes:
        project: "StoRM" or "SGMSE", which name their networks alike.
        fork: the name of the project that wrote it where it is neither, one of ``FORKS``; or the project's.
        networks: keyword arguments of the backbones, by the networks' prefixes in the file.
        refines: whether two networks are those of stochastic refinement.
        condition, predictor, residue_in_stft: of the method's own settings, where it has them.
        spectrogram, sde, t_eps, parametrization, sampler: of the ``TrainedModel``.
        settings: what of the hyper-parameters was used for that.
    """

    project: str
    fork: str
    networks: dict[str, Sizes]
    refines: bool
    condition: str
    predictor: dict[str, Any] | None
    spectrogram: Spectrogram
    sde: Path
    t_eps: float
    parametrization: Parametrization
    sampler: dict[str, Any]
    residue_in_stft: bool
    settings: FileSettings


def configure(checkpoint: Checkpoint) -> Configuration:
    """Read everything; what cannot be had is in ``settings.refused``.

    Raises:
        UserError: the weights are of no network that is here, although the file says so.
    """
    settings = FileSettings(checkpoint.hyper_parameters)
    names = {prefix: str(settings.value(ROLES[prefix], "ncsnpp")) for prefix in checkpoint.shapes()}
    for prefix, name in names.items():
        known = (*BACKBONES, *(name for name in NETWORKS if prefix != "score_net" or name not in PREDICTIVE))
        if name not in known:
            read = ", ".join(known)
            settings.refuse(ROLES[prefix], f"its {ROLES[prefix]} is '{shown(name)}'; what is read is {read}")
    sizes = {} if settings.refused else network_sizes(settings, checkpoint, names)
    project = project_of(checkpoint, sizes)
    fork = _fork(settings, project, sizes)
    scores = any(size["conditional"] for size in sizes.values())
    known_sdes = OWN_SDES if fork == project else ("ouve",) if fork in PRIORS else SDES
    sde_name = settings.one_of("ode" if "ode" in settings.values else "sde", "ouve", known_sdes)
    parametrization = parametrization_of(settings, project, fork, sde_name) if scores else ScorePrediction()
    refines = len(names) == 2 and str(settings.value("mode", "")).startswith("refine")
    return Configuration(
        project,
        fork,
        {prefix: _network(settings, checkpoint, project, prefix, size, fork) for prefix, size in sizes.items()},
        refines,
        _condition(settings, sizes),
        _predictor(sizes),
        _spectrogram(settings, project),
        sde_of(settings, sde_name, parametrization) if scores else OUVE(),
        trained_to(settings, project) if scores else 0.03,
        parametrization,
        sampler_of(settings, fork, sde_name) if scores else {},
        refines and settings.flag("residue_in_stft", False),
        settings,
    )


def _fork(settings: FileSettings, project: str, sizes: dict[str, Sizes]) -> str:
    """The project that wrote the file; ``project``, where it is none of those that began as one of the two."""
    if is_prior(sizes):
        settings.one_of("spectogram_learning", False, (False,))
        if "audio_only" not in settings.values:
            return "UDiffSE"
        settings.one_of("audio_only", True, (True,))
        return "fast_UdiffSE"
    found = next((FORKS[key] for key in FORKS if key in settings.values), project)
    return "BBED" if settings.values.get("sde") == "bbve" else found


def is_prior(sizes: Mapping[str, Sizes]) -> bool:
    """Whether the networks are one score network that sees its state alone: a prior of clean speech."""
    return sizes.keys() == {"dnn"} and sizes["dnn"]["conditional"] and sizes["dnn"]["inputs"] == 1


def _predictor(sizes: dict[str, Sizes]) -> dict[str, Any] | None:
    """The predictive network before a score network, where it is no NCSN++."""
    size = sizes.get("denoiser_net", {})
    if "backbone" not in size or len(sizes) < 2:
        return None
    return {key: value for key, value in size.items() if key not in ("inputs", "conditional")}


def project_of(checkpoint: Checkpoint, sizes: dict[str, Sizes]) -> str:
    """Which of the two projects wrote it: that of which it has more options; else by the size of its networks."""
    given = checkpoint.hyper_parameters
    backbone = given.get("backbone", "ncsnpp")
    if backbone in ("ncsnpp_v2", "ncsnpp_48k") or is_prior(sizes):
        return "SGMSE"
    if sizes and "conditional" not in given and not any(size["conditional"] for size in sizes.values()):
        return "StoRM"  # the only one with a predictive network
    if backbone in ("ncsnpplarge", "ncsnpp12M", "ncsnpp6M") or "score_net" in sizes:
        return "StoRM"
    storm, sgmse = (len(marks & given.keys()) for marks in (STORM_ONLY, SGMSE_ONLY))
    if "input_channels" in given:  # SGMSE counted complex channels while it had this option
        storm, sgmse = (storm, sgmse + 2) if given["input_channels"] == 2 else (storm + 2, sgmse)
    if storm or sgmse:
        return "StoRM" if storm >= sgmse else "SGMSE"
    return (
        "StoRM" if any(len(size["multipliers"]) == 4 for size in sizes.values() if "multipliers" in size) else "SGMSE"
    )


def _network(
    settings: FileSettings, checkpoint: Checkpoint, project: str, prefix: str, size: Sizes, fork: str
) -> Sizes:
    """Keyword arguments of the backbone; an NCSN++'s with its default values are left out."""
    backbone = settings.value(ROLES[prefix], "ncsnpp")
    if backbone in NETWORKS:
        if project == "StoRM":
            settings.one_of("return_time", False, (False,))
        return size
    for key, only in ONLY.items():
        settings.one_of(key, only, (only,))
    if project == "StoRM":
        settings.one_of("spatial_channels", 1, (1,))
        settings.one_of("return_time", False, (False,))
        if prefix == "dnn":  # StoRM sets it itself for its two networks
            settings.one_of("discriminative", not size["conditional"], (not size["conditional"],))
    elif not size["conditional"]:
        settings.refuse("conditional", "trained without the diffusion time (conditional=False); what is read is True")
    check_sizes(settings, size, backbone, project)
    v2 = backbone == "ncsnpp_v2"
    if size["conditional"] and not v2:
        settings.one_of("conditional", True, (True,))
    told = {**size, "centered": v2 or _centered(settings, checkpoint, project)}
    if v2 or fork == "fast_UdiffSE" or (size["conditional"] and not settings.flag("scale_by_sigma", True)):
        told["scale_by_time"] = False
    if (backbone == "ncsnpp_48k") == size["pyramids"]:
        told["scale_last"] = backbone == "ncsnpp_48k"
    return told | _style(settings, size)


def _style(settings: FileSettings, size: Sizes) -> Sizes:
    """What of ``Style`` is not its default."""
    told: Sizes = {}
    if (activation := settings.one_of("nonlinearity", "swish", ACTIVATIONS)) != "swish":
        told["activation"] = activation
    if not settings.flag("skip_rescale", True):
        told["skip_rescale"] = False
    if not settings.flag("fir", True):
        if size["pyramids"]:  # in the reference this ends in an error
            settings.refuse("fir", "trained with fir=False and pyramids; what is read is fir=True, or no pyramids")
        return {**told, "fir_kernel": [1.0, 1.0]}
    if settings.values.get("fir_kernel") == "song":  # the only one of SGMSE's names for kernels that is a list
        settings.value("fir_kernel")
    elif (kernel := settings.numbers("fir_kernel", KERNEL, most=32)) != KERNEL:
        told["fir_kernel"] = list(kernel)
    return told


def _centered(settings: FileSettings, checkpoint: Checkpoint, project: str) -> bool:
    """Whether the networks take their input as it is, rather than 2x - 1.

    SGMSE's files say so. StoRM's do not: its code shifted the input, until the branch that moved to
    Lightning 2 no longer did.
    """
    major = checkpoint.about["lightning"].partition(".")[0]
    return settings.flag("centered", project == "SGMSE" or (major.isdigit() and int(major) >= 2))


def _condition(settings: FileSettings, sizes: dict[str, Sizes]) -> str:
    """The score network's conditioning in a system of two, which its number of inputs must agree with."""
    if sizes.keys() != {"denoiser_net", "score_net"}:
        return "noisy"
    inputs = sizes["score_net"]["inputs"]
    condition = str(settings.value("condition", "both" if inputs == 3 else "post_denoiser"))
    if CONDITIONS.get(condition) != inputs:
        settings.refuse("condition", f"its score network takes {inputs} spectrograms, not condition={shown(condition)}")
        return "both" if inputs == 3 else "noisy"
    return condition


def _spectrogram(settings: FileSettings, project: str) -> Spectrogram:
    """The transform, its padding, and the rate: 16 kHz unless SGMSE's file or backbone says otherwise."""
    backbone = settings.value("backbone")
    n_fft = settings.whole("n_fft", 510, 2, 1 << 16)
    sgmse = project == "SGMSE"
    transform = settings.name("transform_type", "exponent", TRANSFORMS) if sgmse else "exponent"
    rate = 16000
    if backbone == "ncsnpp_48k":  # whatever ``sr`` says: training leaves that at 16000
        rate = 48000
    elif sgmse:
        rate = settings.whole("sr", rate, 4000, 384000)
    return Spectrogram(
        n_fft=n_fft,
        hop=settings.whole("hop_length", min(128, n_fft - 1), 1, n_fft - 1),
        window=settings.name("window", "hann", WINDOWS),
        transform=transform,
        exponent=settings.number("spec_abs_exponent", 0.5, 0.01, 10),
        factor=settings.number("spec_factor", 0.15, 1e-6, 1e6),
        padding="reflect" if backbone in ("ncsnpp_v2", "ncsnpp_48k") else "zeros",  # as SGMSE's script has it
        sample_rate=rate,
    )


def refusal(checkpoint: Checkpoint, settings: FileSettings) -> UserError | None:
    """One line about all that cannot be had; None where nothing is."""
    clauses = list(settings.refused.values())
    more = f"; and {len(clauses) - 3} more" if len(clauses) > 3 else ""
    return UserError(f"{checkpoint.path}: {'; '.join(clauses[:3])}{more}") if clauses else None
