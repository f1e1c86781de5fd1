"""Which sampler a configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from bench.core.errors import UserError, did_you_mean
from methods.diffusion.paths import OUVE, OUVP, SBVE, SDE
from methods.diffusion.samplers.base import Sampler
from methods.diffusion.samplers.bridge import BridgeODE, BridgeSDE
from methods.diffusion.samplers.ode import ProbabilityFlow
from methods.diffusion.samplers.predictor_corrector import PredictorCorrector

_DIFFUSION: dict[str, type[Sampler]] = {"pc": PredictorCorrector, "ode": ProbabilityFlow}
SAMPLERS: dict[str, dict[str, type[Sampler]]] = {
    OUVE.name: _DIFFUSION,
    OUVP.name: _DIFFUSION,
    SBVE.name: {"ode": BridgeODE, "sde": BridgeSDE},
}
"""Each SDE's samplers by the names that SGMSE has for them; the first is the default."""


def choose(sde: SDE, told: Mapping[str, Any], defaults: Mapping[str, Any], t_eps: float) -> Sampler:
    """The sampler for ``sde`` with the options that it was told, else the defaults that it knows.

    Args:
        told: ``sampler``, the name, and options of that sampler; an option that it lacks is refused.
        defaults: the same, of any of the SDE's samplers: what another one would need is left out.
        t_eps: of the trained weights; a bridge is sampled further down.

    Raises:
        UserError: an unknown sampler or option, or one of another SDE or sampler.
    """
    known = SAMPLERS[sde.name]
    name = told.get("sampler") or defaults.get("sampler") or next(iter(known))
    if name not in known:
        raise did_you_mean(f"sampler for the SDE {sde.name}:", name, known)
    anywhere = {option for kinds in SAMPLERS.values() for kind in kinds.values() for option in _options(kind)}
    if unknown := next((option for option in defaults if option not in anywhere | {"sampler"}), None):
        raise did_you_mean("sampler option in the weights file", unknown, anywhere)
    options = _options(known[name])
    if foreign := [option for option in told if option != "sampler" and option not in options]:
        raise UserError(
            f"sampler={name} for the SDE {sde.name} has no option {foreign[0]}; it has {', '.join(options)}"
        )
    settings = {option: value for option, value in {**defaults, **told}.items() if option in options}
    if known is _DIFFUSION:
        settings.setdefault("t_eps", t_eps)
    return known[name](**settings)


def _options(kind: type[Sampler]) -> list[str]:
    return [field.name for field in fields(kind)]  # type: ignore[arg-type]
