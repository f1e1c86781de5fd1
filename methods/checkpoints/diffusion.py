"""The diffusion of a reference checkpoint: its process, what its network predicts, and how its project samples."""

from __future__ import annotations

from dataclasses import MISSING, asdict
from typing import Any

from bench.core.errors import UserError
from methods.checkpoints.settings import SENSELESS, FileSettings
from methods.diffusion.parametrization import PARAMETRIZATIONS, Parametrization
from methods.diffusion.paths import OUVE, PATHS, SDE, Path, path_from

SDES = {called: name for name in PATHS.ours() for called in PATHS.get(name).checkpoint_names}  # type: ignore[attr-defined]
"""What checkpoints call the paths that can be read from them, and our names."""

PRIORS = ("UDiffSE", "fast_UdiffSE")
"""Projects whose score networks see their state alone and are sampled within EM (``methods.udiffse``)."""

SCALINGS: dict[str, tuple[str, ...]] = {
    **{"c_in": ("1", "edm"), "c_out": ("1", "sigma", "1/sigma", "edm"), "c_skip": ("0", "edm")},
    "network_scaling": ("1/sigma", "1/t"),
}
"""What SGMSE's ``ncsnpp_v2`` can be scaled by; the first is its default, but for the last, which has none."""


def sde_of(settings: FileSettings, sde: str, parametrization: Parametrization) -> Path:
    """The process that the file calls ``sde``.

    A bridge's ``eps`` is that of the standard deviations which scale the network's input and output, where any
    do; the sampler has its own.
    """
    scaled = {"edm", "sigma", "1/sigma"} & set(asdict(parametrization).values())

    def number(key: str, default: Any, least: float, most: float) -> float:
        if key == "eps" and not scaled:
            return float(default)
        if default is MISSING and key not in settings.values:
            settings.refuse("sde", f"trained with sde={sde}, but its {key} is missing")
        return settings.number(key, 1.0 if default is MISSING else default, least, most)

    name = SDES[sde]
    parameters = PATHS.get(name).read_checkpoint(sde, number)  # type: ignore[attr-defined]
    if parameters.get("sigma_max", 1.0) <= parameters.get("sigma_min", 0.0):
        told = f"sigma_max={parameters['sigma_max']:g} for sigma_min={parameters['sigma_min']:g}"
        settings.refuse("sigma_max", f"{SENSELESS} {told}, which is not less")
        return OUVE()
    try:
        return path_from({"name": name, **parameters})
    except UserError as error:
        settings.refuse("sde", f"{SENSELESS} sde={sde}: {error}")
        return OUVE()


def trained_to(settings: FileSettings, project: str) -> float:
    """The last time that it was trained to. SGMSE's script samples to 0.03 whatever the file says; see ``_SCRIPTS``."""
    if project == "StoRM":
        return settings.number("t_eps", 0.03, 1e-6, 0.999)
    trained = settings.values.get("t_eps", 0.03)
    return float(trained) if isinstance(trained, float) and 0 < trained < 1 else 0.03


def parametrization_of(settings: FileSettings, project: str, fork: str, sde: str) -> Parametrization:
    """What the score network's output stands for.

    SGMSE samples a bridge as if its network predicted clean speech, and a diffusion as if it predicted the
    score, whatever it was trained for; other pairs than the sensible ones are refused.
    """
    predicts = PATHS.get(SDES[sde]).checkpoint_predicts  # type: ignore[attr-defined]
    known = ("data_prediction",) if sde == "sbve" else ("score_matching", "denoiser", "mse", "mae")
    if settings.value("backbone") != "ncsnpp_v2":  # these return minus the network, whatever they predict
        if project == "SGMSE":
            settings.one_of("loss_type", known[0], known)
        scaled = settings.one_of("output_std_exponent", 0, (0, -1)) == -1  # of StoRM's first release
        scaled = scaled or fork == "fast_UdiffSE"
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


def sampler_of(settings: FileSettings, project: str, sde: str) -> dict[str, Any]:
    """What the project's ``enhancement.py`` samples with when it is told nothing else, or what its README tells it.

    The steps of a Schroedinger bridge are those it was trained to be evaluated with.
    """
    if sde == "sbve":
        return {"sampler": "ode", "steps": settings.whole("N", 50, 1, 100_000)}
    if project in PRIORS:
        return {"steps": 30}
    path: Any = PATHS.get(SDES[sde])
    return {
        **(_SCRIPTS[project] if issubclass(path, SDE) else {}),
        **path.checkpoint_sampler,
        **_FORKS.get(project, {}),
    }


_PREDICTOR_CORRECTOR = {"predictor": "reverse_diffusion", "corrector": "ald", "corrector_steps": 1, "snr": 0.5}
_SCRIPTS: dict[str, dict[str, Any]] = {
    "StoRM": {"sampler": "pc", **_PREDICTOR_CORRECTOR, "stepping": "uniform", "steps": 50},
    "SGMSE": {"sampler": "pc", **_PREDICTOR_CORRECTOR, "stepping": "grid", "steps": 30, "t_eps": 0.03},
}
_SCRIPTS |= dict.fromkeys(("BBED", "CRP", "FlowSE"), _SCRIPTS["SGMSE"])
_FORKS: dict[str, dict[str, Any]] = {
    # The file does not say what it was trained for: as published.
    "CRP": {"predictor": "euler_maruyama", "corrector": "none", "steps": 1, "start": 0.5},
}
