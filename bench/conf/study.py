"""A study in a file: YAML in which texts are as typed, and what a composed configuration is written as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from bench.conf.values import Plain, guessed


class _Dumper(yaml.SafeDumper):
    """Puts quotes around texts that would be taken for something else without."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = isinstance(text, Plain) or isinstance(guessed(text), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=None if plain else "'")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Plain, _text)


def written(config: Mapping[str, Any]) -> str:
    """``config`` as YAML, keys in its order."""
    return yaml.dump(dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
