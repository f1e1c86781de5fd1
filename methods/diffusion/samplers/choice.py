"""Choose the sampler from a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.core.errors import UserError, did_you_mean
from bench.core.registry import OURS
from methods.diffusion.paths import Path
from methods.diffusion.samplers.base import SAMPLERS, Sampler


def choose(path: Path, asked: Mapping[str, Any], defaults: Mapping[str, Any], t_eps: float) -> Sampler:
    """The sampler for ``path`` with the requested options, or else those defaults that apply to it.

    Args:
        asked: ``sampler``, a name or a mapping of a ``name`` and its options; and options of that sampler. Options
            that it does not have are refused.
        defaults: the same, for any of the path's samplers: options of other samplers are ignored.
        t_eps: the smallest time of the weights' training, for samplers without their own.

    Raises:
        UserError: a sampler or option is unknown, or belongs to another path or sampler.
    """
    asked, defaults = _flat(asked), _flat(defaults)
    usual = defaults.get("sampler") or next(iter(path.samplers))
    name = asked.pop("sampler", None) or usual
    kind, options = _kind(path, name), SAMPLERS.options(path.samplers.get(name, name))
    anywhere = {"sampler", *options, *sampler_options()}
    if name != usual and SAMPLERS.origin(path.samplers.get(usual, usual)) != OURS:
        # The weights' options for another package's sampler, which is not used here.
        defaults = {option: value for option, value in defaults.items() if option in anywhere}
    if unknown := next((option for option in defaults if option not in anywhere), None):
        raise did_you_mean("sampler option in the weights file", unknown, anywhere)
    if foreign := [option for option in asked if option not in options]:
        raise UserError(
            f"sampler={name} for the SDE {path.name} has no option {foreign[0]}; it has {', '.join(options)}"
        )
    settings = {option: value for option, value in {**defaults, **asked}.items() if option in options}
    if "t_eps" in options and kind.trained_t_eps:
        settings.setdefault("t_eps", t_eps)
    sampler: Sampler = kind(**settings)
    sampler.check(path)
    return sampler


def sampler_options() -> dict[str, None]:
    """The options of all our samplers; those of another package's sampler are given in a mapping with its name."""
    return dict.fromkeys(option for name in SAMPLERS.ours() for option in SAMPLERS.options(name))


def _kind(path: Path, name: str) -> Any:
    """The class of the sampler ``name``, if it supports ``path``."""
    registered = path.samplers.get(name, name)
    if registered in SAMPLERS.ours() or registered in SAMPLERS.names():
        kind: Any = SAMPLERS.get(registered)
        if isinstance(path, kind.paths):
            return kind
    raise did_you_mean(f"sampler for the SDE {path.name}:", name, path.samplers)


def _flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """``{sampler: {name: pc, snr: 0.4}}`` as ``{sampler: pc, snr: 0.4}``."""
    flat = dict(options)
    if isinstance(sampler := flat.get("sampler"), Mapping):
        own = dict(sampler)
        flat |= {"sampler": own.pop("name", None), **own}
    return flat
