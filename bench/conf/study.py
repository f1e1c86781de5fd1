"""A study in a file: YAML in which texts are as typed, and what a composed configuration is written as."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.conf.values import Plain, guessed
from bench.core.errors import UserError

SUFFIXES = (".yaml", ".yml")


class _Loader(yaml.SafeLoader):
    """Leaves every text as it is written, for the schema to say what it means; no key may be there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if double := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.MarkedYAMLError(problem=f"'{double}' is there twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _as_written(loader: _Loader, node: Any) -> str:
    return Plain(node.value) if node.style is None else str(node.value)


_Loader.yaml_implicit_resolvers = {}
_Loader.add_constructor("tag:yaml.org,2002:str", _as_written)


def read(path: Path) -> dict[str, Any]:
    """The keys of a study, their values as written.

    Raises:
        UserError: there is no such file, or it is not a mapping in YAML.
    """
    try:
        keys = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a study ({error})") from error
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{where}: not YAML ({problem or error})") from error
    if not isinstance(keys, dict):
        raise UserError(f"{path}: a study is a mapping of keys to values, as --cfg prints it")
    return {str(key): value for key, value in keys.items()}


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
