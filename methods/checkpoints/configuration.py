"""How the networks of a reference checkpoint are to be run, from its hyper-parameters.

What they leave out is what the reference's constructors have by default. Their training scripts' defaults
differ (StoRM's: a spectral factor of 0.33), but those stand in the file. What the project's code does not
read is not read here either; what it reads and is not here is refused (``settings.Settings``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from inspect import Signature
from typing import Any

from bench.core.errors import UserError
from methods.backbones.fir import KERNEL
from methods.backbones.fused import ACTIVATIONS
from methods.checkpoints.architecture import Sizes, all_sizes, check_sizes
from methods.checkpoints.lightning import Checkpoint
from methods.checkpoints.settings import SENSELESS, Settings, shown
from methods.conditioning import CONDITIONS
from methods.diffusion.parametrization import PARAMETRIZATIONS, Parametrization, ScorePrediction
from methods.diffusion.paths import OUVE, PATHS, Path, path_from
from methods.spectrogram import TRANSFORMS, WINDOWS, Spectrogram

BACKBONES = ("ncsnpp", "ncsnpp_v2", "ncsnpp_48k", "ncsnpplarge", "ncsnpp12M", "ncsnpp6M")
"""Those that are an NCSN++ as ours, whatever its sizes."""

SDES = ("ouve", "ouvp", "sbve")
"""Those of the two projects."""

ROLES = {"dnn": "backbone", "denoiser_net": "backbone_denoiser", "score_net": "backbone_score"}
"""Where a file names the backbone of each of its networks."""

STORM_ONLY = {"spatial_channels", "discriminative", "return_time", "condition", "mode", "transform"}
SGMSE_ONLY = {"transform_type", "normalize", "centered", "num_res_blocks", "attn_resolutions", "sampler_type", "c_in"}
"""Options that only one of the two projects has."""

ONLY = {"resblock_type": "biggan", "embedding_type": "fourier", "input_y": True, "minus": True, "time_cond": "t"}
"""Options of networks with a single value that is here; the last three are of SGMSE before its release."""

OTHERS = {"ode": "FlowSE", "output_scale": "CRP", "inference_N": "CRP", "inference_start": "CRP"}
"""Options of projects that write the same kind of file and sample from it otherwise."""

SCALINGS: dict[str, tuple[str, ...]] = {
    **{"c_in": ("1", "edm"), "c_out": ("1", "sigma", "1/sigma", "edm"), "c_skip": ("0", "edm")},
    "network_scaling": ("1/sigma", "1/t"),
}
"""What SGMSE's ``ncsnpp_v2`` can be scaled by; the first is its default, but for the last, which has none."""

BOUNDS: dict[str, tuple[float, float]] = {
    **{"theta": (0, 100), "sigma_min": (1e-6, 1e3), "sigma_max": (1e-6, 1e3)},
    **{"k": (1.001, 100), "c": (1e-6, 1e3), "eps": (0, 1)},
    **{"beta_min": (0, 1e3), "beta_max": (0, 1e3), "stiffness": (1e-3, 1e3)},
}
"""What the SDEs' parameters can be."""


@dataclass(frozen=True)
class Configuration:
    """All that a file's hyper-parameters say.

    Attributes:
        project: "StoRM" or "SGMSE", which name their networks alike.
        networks: keyword arguments of ``NCSNpp``, by the networks' prefixes in the file.
        refines: whether two networks are those of stochastic refinement.
        condition, residue_in_stft: of the method's own settings, where it has them.
        spectrogram, sde, t_eps, parametrization, sampler: of the ``TrainedModel``.
        settings: what of the hyper-parameters was used for that.
    """

    project: str
    networks: dict[str, Sizes]
    refines: bool
    condition: str
    spectrogram: Spectrogram
    sde: Path
    t_eps: float
    parametrization: Parametrization
    sampler: dict[str, Any]
    residue_in_stft: bool
    settings: Settings


def configure(checkpoint: Checkpoint) -> Configuration:
    """Read everything; what cannot be had is in ``settings.refused``.

    Raises:
        UserError: the weights are of no network that is here, although the file says so.
    """
    settings = Settings(checkpoint.hyper_parameters)
    prefixes = checkpoint.shapes()
    for prefix in prefixes:
        name = settings.value(ROLES[prefix], "ncsnpp")
        if name not in BACKBONES:
            read = ", ".join(BACKBONES)
            settings.refuse(ROLES[prefix], f"its {ROLES[prefix]} is '{shown(name)}'; what is read is {read}")
    for key in OTHERS.keys() & settings.values.keys():
        value = shown(settings.values[key])
        settings.refuse(key, f"trained with {key}={value}, an option of {OTHERS[key]}; what is read is StoRM and SGMSE")
    sizes = {} if settings.refused else all_sizes(checkpoint.path, prefixes)
    project = project_of(checkpoint, sizes)
    scores = any(size["conditional"] for size in sizes.values())
    sde_name = settings.one_of("sde", "ouve", SDES)
    parametrization = _parametrization(settings, project, sde_name) if scores else ScorePrediction()
    refines = len(prefixes) == 2 and str(settings.value("mode", "")).startswith("refine")
    return Configuration(
        project,
        {prefix: _network(settings, checkpoint, project, prefix, size) for prefix, size in sizes.items()},
        refines,
        _condition(settings, sizes),
        _spectrogram(settings, project),
        _sde(settings, sde_name, parametrization) if scores else OUVE(),
        _t_eps(settings, project) if scores else 0.03,
        parametrization,
        _sampler(settings, project, sde_name) if scores else {},
        refines and settings.flag("residue_in_stft", False),
        settings,
    )


def project_of(checkpoint: Checkpoint, sizes: dict[str, Sizes]) -> str:
    """Which of the two projects wrote it: that of which it has more options; else by the size of its networks."""
    given = checkpoint.hyper_parameters
    backbone = given.get("backbone", "ncsnpp")
    if backbone in ("ncsnpp_v2", "ncsnpp_48k"):
        return "SGMSE"
    if backbone in ("ncsnpplarge", "ncsnpp12M", "ncsnpp6M") or "score_net" in sizes:
        return "StoRM"
    storm, sgmse = (len(marks & given.keys()) for marks in (STORM_ONLY, SGMSE_ONLY))
    if "input_channels" in given:  # SGMSE counted complex channels while it had this option
        storm, sgmse = (storm, sgmse + 2) if given["input_channels"] == 2 else (storm + 2, sgmse)
    if storm or sgmse:
        return "StoRM" if storm >= sgmse else "SGMSE"
    return "StoRM" if any(len(size["multipliers"]) == 4 for size in sizes.values()) else "SGMSE"


def _network(settings: Settings, checkpoint: Checkpoint, project: str, prefix: str, size: Sizes) -> Sizes:
    """Keyword arguments of ``NCSNpp``; those with its default values are left out."""
    backbone = settings.value(ROLES[prefix], "ncsnpp")
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
    if v2 or (size["conditional"] and not settings.flag("scale_by_sigma", True)):
        told["scale_by_time"] = False
    if (backbone == "ncsnpp_48k") == size["pyramids"]:
        told["scale_last"] = backbone == "ncsnpp_48k"
    return told | _style(settings, size)


def _style(settings: Settings, size: Sizes) -> Sizes:
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


def _centered(settings: Settings, checkpoint: Checkpoint, project: str) -> bool:
    """Whether the networks take their input as it is, rather than 2x - 1.

    SGMSE's files say so. StoRM's do not: its code shifted the input, until the branch that moved to
    Lightning 2 no longer did.
    """
    major = checkpoint.about["lightning"].partition(".")[0]
    return settings.flag("centered", project == "SGMSE" or (major.isdigit() and int(major) >= 2))


def _condition(settings: Settings, sizes: dict[str, Sizes]) -> str:
    """The score network's conditioning in a system of two, which its number of inputs must agree with."""
    if sizes.keys() != {"denoiser_net", "score_net"}:
        return "noisy"
    inputs = sizes["score_net"]["inputs"]
    condition = str(settings.value("condition", "both" if inputs == 3 else "post_denoiser"))
    if CONDITIONS.get(condition) != inputs:
        settings.refuse("condition", f"its score network takes {inputs} spectrograms, not condition={shown(condition)}")
        return "both" if inputs == 3 else "noisy"
    return condition


def _spectrogram(settings: Settings, project: str) -> Spectrogram:
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
        hop=settings.whole("hop_length", 128, 1, n_fft - 1),
        window=settings.name("window", "hann", WINDOWS),
        transform=transform,
        exponent=settings.number("spec_abs_exponent", 0.5, 0.01, 10),
        factor=settings.number("spec_factor", 0.15, 1e-6, 1e6),
        padding="reflect" if backbone in ("ncsnpp_v2", "ncsnpp_48k") else "zeros",  # as SGMSE's script has it
        sample_rate=rate,
    )


def _sde(settings: Settings, name: str, parametrization: Parametrization) -> Path:
    """The process; its parameters have the reference's names.

    A bridge's ``eps`` is that of the standard deviations which scale the network's input and output, where any
    do; the sampler has its own.
    """
    scaled = {"edm", "sigma", "1/sigma"} & set(asdict(parametrization).values())
    parameters: dict[str, float] = {}
    for key, default in PATHS.options(name).items():
        if key == "eps" and not scaled:
            continue
        required = default is Signature.empty
        if required and key not in settings.values:
            settings.refuse("sde", f"trained with sde={name}, but its {key} is missing")
        parameters[key] = settings.number(key, 1.0 if required else default, *BOUNDS[key])
    if name == "ouve" and parameters["sigma_max"] <= parameters["sigma_min"]:
        told = f"sigma_max={parameters['sigma_max']:g} for sigma_min={parameters['sigma_min']:g}"
        settings.refuse("sigma_max", f"{SENSELESS} {told}, which is not less")
        return OUVE()
    return path_from({"name": name, **parameters})


def _t_eps(settings: Settings, project: str) -> float:
    """The last time of training. SGMSE's script samples to 0.03 whatever the file says; see ``_SCRIPTS``."""
    if project == "StoRM":
        return settings.number("t_eps", 0.03, 1e-6, 0.999)
    trained = settings.values.get("t_eps", 0.03)
    return float(trained) if isinstance(trained, float) and 0 < trained < 1 else 0.03


def _parametrization(settings: Settings, project: str, sde: str) -> Parametrization:
    """What the score network's output stands for.

    SGMSE samples a bridge as if its network predicted clean speech, and a diffusion as if it predicted the
    score, whatever it was trained for; other pairs than the sensible ones are refused.
    """
    predicts = "clean" if sde == "sbve" else "score"
    known = ("data_prediction",) if sde == "sbve" else ("score_matching", "denoiser", "mse", "mae")
    if settings.value("backbone") != "ncsnpp_v2":  # these return minus the network, whatever they predict
        if project == "SGMSE":
            settings.one_of("loss_type", known[0], known)
        scaled = settings.one_of("output_std_exponent", 0, (0, -1)) == -1  # of StoRM's first release
        return PARAMETRIZATIONS.create(predicts, c_out="-1", network_scaling="1/sigma" if scaled else "1")
    loss = settings.one_of("loss_type", known[0], known[:2])
    # Their "denoiser" applies neither c_skip nor c_out.
    read = ("c_in",) if loss == "denoiser" else ("c_in", "c_out", "c_skip")
    scalings = {key: settings.name(key, SCALINGS[key][0], SCALINGS[key]) for key in read}
    if settings.value("network_scaling") is not None:
        scalings["network_scaling"] = settings.name("network_scaling", "1", SCALINGS["network_scaling"])
    data = settings.number("sigma_data", 0.1, 1e-6, 1e3) if "edm" in scalings.values() else 0.1
    predicts = "mean" if loss == "denoiser" else predicts
    return PARAMETRIZATIONS.create(predicts, sigma_data=data, **{"c_out": "1", **scalings})


def _sampler(settings: Settings, project: str, sde: str) -> dict[str, Any]:
    """What the project's ``enhancement.py`` samples with when it is told nothing else.

    The steps of a Schroedinger bridge are those it was trained to be evaluated with.
    """
    if sde == "sbve":
        return {"sampler": "ode", "steps": settings.whole("N", 50, 1, 100_000)}
    # Annealed Langevin steps need a standard deviation, which this SDE has not; StoRM's script stops there.
    return {**_SCRIPTS[project], "corrector": "none"} if sde == "ouvp" else dict(_SCRIPTS[project])


_PREDICTOR_CORRECTOR = {"predictor": "reverse_diffusion", "corrector": "ald", "corrector_steps": 1, "snr": 0.5}
_SCRIPTS: dict[str, dict[str, Any]] = {
    "StoRM": {"sampler": "pc", **_PREDICTOR_CORRECTOR, "stepping": "uniform", "steps": 50},
    "SGMSE": {"sampler": "pc", **_PREDICTOR_CORRECTOR, "stepping": "grid", "steps": 30, "t_eps": 0.03},
}


def refusal(checkpoint: Checkpoint, settings: Settings) -> UserError | None:
    """One line about all that cannot be had; None where nothing is."""
    clauses = list(settings.refused.values())
    more = f"; and {len(clauses) - 3} more" if len(clauses) > 3 else ""
    return UserError(f"{checkpoint.path}: {'; '.join(clauses[:3])}{more}") if clauses else None
