"""``bench list``: what can be named in a run or a training."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from bench.core.errors import UserError, did_you_mean
from bench.core.registry import OURS, Registry
from bench.core.signatures import Declared
from methods.catalogue.recipe import names as recipes
from methods.catalogue.recipe import recipe

REGISTRIES = {
    "methods": ("methods.names", "METHODS"),
    "datasets": ("bench.datasets.base", "DATASETS"),
    "metrics": ("metrics.base", "METRICS"),
    "paths": ("methods.diffusion.paths", "PATHS"),
    "samplers": ("methods.diffusion.samplers", "SAMPLERS"),
    "predictors": ("methods.diffusion.samplers", "PREDICTORS"),
    "correctors": ("methods.diffusion.samplers", "CORRECTORS"),
    "parametrizations": ("methods.diffusion.parametrization", "PARAMETRIZATIONS"),
    "backbones": ("methods.backbones", "BACKBONES"),
}


def listing(kind: str) -> str:
    """Name, origin, one line of documentation and options of everything registered under ``kind``; recipes' cards."""
    if kind == "recipes":
        return "\n".join(recipe(name).told() for name in recipes())
    if kind not in REGISTRIES:
        raise did_you_mean("list", kind, [*REGISTRIES, "recipes"])
    module, name = REGISTRIES[kind]
    registry: Registry[Any] = getattr(import_module(module), name)
    common = [f"every one of these {kind} also takes {_option(*option)}" for option in registry.common.items()]
    return "\n".join([*(_entry(registry, name) for name in registry.names()), *common])


def _entry(registry: Registry[Any], name: str) -> str:
    source = registry.declared(name)
    return _imported(registry, name) if source is None else _declared(name, source)


def _declared(name: str, source: Declared) -> str:
    """One of ours, told without importing it."""
    options = [_option(option, parameter.default) for option, parameter in source.parameters.items()]
    more = [] if source.whole else ["and those of its sampler: bench list samplers, predictors, correctors"]
    return _told(name, [str(source.attributes.get("paradigm", ""))], source.doc, [*options, *more])


def _imported(registry: Registry[Any], name: str) -> str:
    try:
        factory = registry.get(name)
    except (UserError, ImportError) as error:  # one broken plugin hides only itself
        return f"{name}: {error}"
    origin = registry.origin(name)
    about = [str(getattr(factory, "paradigm", "")), "" if origin == OURS else origin]
    options = registry.options(name).items() if isinstance(factory, type) else ()  # a function's are not the user's
    return _told(name, about, inspect.getdoc(factory) or "", [_option(*option) for option in options])


def _told(name: str, about: Sequence[str], doc: str, options: Sequence[str]) -> str:
    head = f"{name} ({', '.join(filter(None, about))})" if any(about) else name
    return "\n".join([f"{head}: {doc.partition(chr(10))[0]}", *(f"    {option}" for option in options)])


def _option(name: str, default: Any) -> str:
    return f"{name} (required)" if default is inspect.Parameter.empty else f"{name}: {default}"
