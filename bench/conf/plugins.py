"""Configurations of other packages' methods: the folder ``conf`` in a package that announces a method or a backbone."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from bench.core.installed import entry_points

GROUPS = ("sebench.methods", "sebench.backbones")
"""Entry points whose packages are looked at; nothing in them is imported."""


def folders() -> list[Path]:
    """The folders ``conf`` of those packages that have one, e.g. with ``method/NAME.yaml`` for ``bench train``."""
    packages = {entry.module.partition(".")[0] for group in GROUPS for entry in entry_points(group)}
    specs = [find_spec(package) for package in sorted(packages)]
    places = [Path(place) / "conf" for spec in specs if spec for place in spec.submodule_search_locations or ()]
    return [place for place in places if place.is_dir()]
