"""The entries of a run: methods, datasets and metrics, each as a name or as a mapping with options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.conf.schema import Reads
from bench.conf.values import Plain, settled
from bench.core import names
from bench.core.errors import UserError, did_you_mean
from bench.core.registry import Registry
from bench.core.remote import is_url

REGISTRIES = {
    "methods": ("methods.names", "METHODS"),
    "datasets": ("bench.datasets.base", "DATASETS"),
    "metrics": ("metrics.base", "METRICS"),
}


def registry(kind: str) -> Registry[Any]:
    """The registry of "methods", "datasets" or "metrics"."""
    module, name = REGISTRIES[kind]
    found: Registry[Any] = getattr(import_module(module), name)
    return found


@dataclass(frozen=True)
class Spec:
    """One entry of ``methods``, ``datasets`` or ``metrics``.

    Attributes:
        name: in the registry.
        label: its name in rows; None: the name in the registry, or for a dataset its own name.
        options: keyword arguments for the factory.
    """

    name: str
    label: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(key: str, entry: Any) -> Spec:
        """The spec of a configuration's entry: a name, or a mapping with ``name``."""
        if isinstance(entry, str):
            return Spec(str(entry))
        if not isinstance(entry, Mapping):
            raise UserError(f"{key}: an entry is a name or a mapping with a name, not {entry!r}")
        options = {str(option): value for option, value in entry.items()}
        name, label = options.pop("name", None), options.pop("label", None)
        if not isinstance(name, str):
            raise UserError(f"{key}: the entry {dict(entry)} needs a name, as in {{name: ..., option: ...}}")
        if label is not None:
            check_label(key, str(label))
        return Spec(name, None if label is None else str(label), options)


def check_label(key: str, label: str) -> None:
    """Check a label, which becomes part of file names and table headings."""
    if not names.is_label(label):
        near = names.label(label, "mine")
        raise UserError(f"{key}: '{label}' may hold letters, digits and _ . + - only, as '{near}' does")


class Named(Reads):
    """Reads an entry: names, labels and paths stay text, other options are converted by the factory's annotations.

    Args:
        kind: "methods", "datasets" or "metrics".
    """

    words = "a name or a mapping {name: ..., option: ...}"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def typed(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return str(value) if isinstance(value, Plain) else value
        known = registry(self.kind)
        name = str(value.get("name"))
        name = "paired_folder" if self.kind == "datasets" and name not in known.names() else name
        annotations = known.annotations(name) if name in known.names() else {}
        return {
            option: typed_option(annotations.get(option, ""), inner)
            if option not in ("name", "label")
            else _text(inner)
            for option, inner in value.items()
        }


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Plain) else value


def typed_option(annotation: str, value: Any) -> Any:
    """``value`` with texts converted to the parameter's annotation, given as source text: ``str | Path | None``."""
    kinds = {
        part.strip().rpartition(".")[2] for part in re.sub(r"Optional\[(.*)\]", r"\1 | None", annotation).split("|")
    }
    texts = any(re.match(r"(str|Path|PathLike)\b", kind) for kind in kinds)
    others = any(re.match(r"(int|float|bool|Any)\b", kind) for kind in kinds)
    if isinstance(value, Plain) and texts and not others:
        return None if "None" in kinds and value.lower() in ("null", "") else str(value)
    if isinstance(value, list) and re.search(r"\b(Sequence|list|tuple|Iterable|Collection)\[(str|Path)\b", annotation):
        return [_text(inner) for inner in value]
    return settled(value)


LISTS = (".csv", ".tsv", ".jsonl", ".scp")
"""Suffixes of files that list recordings."""


def dataset_spec(spec: Spec) -> Spec:
    """``spec``, or a ``paired_folder`` if its name is a folder or a manifest."""
    from bench.datasets.base import DATASETS

    if spec.name in DATASETS.names():
        return spec
    path = Path(spec.name).expanduser()
    if is_url(spec.name):
        kind = "manifest" if path.suffix.lower() in LISTS else "dir"
        return Spec("paired_folder", spec.label, {kind: spec.name, **spec.options})
    if path.is_dir() or (path.is_file() and path.suffix.lower() in LISTS):
        return Spec(
            "paired_folder", spec.label, {"dir" if path.is_dir() else "manifest": str(path.absolute()), **spec.options}
        )
    if "/" in spec.name or path.suffix.lower() in LISTS or path.exists():
        raise UserError(f"datasets: {spec.name} is neither a folder nor a manifest ({', '.join(LISTS)})")
    raise did_you_mean("dataset", spec.name, DATASETS.names())
