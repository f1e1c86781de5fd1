r"""Write configurations in the subset of YAML that webMUSHRA's parser reads correctly.

The parser misreads compact nested lists (``- - random``), multi-line strings and ``\u`` escapes. Therefore: one item
per line, ``-`` on a line of its own before a nested item, every string in double quotes on one line, in UTF-8. Other
YAML parsers read the same content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def to_yaml(config: Mapping[str, Any]) -> str:
    """``config`` as YAML; mappings, non-empty sequences, strings, numbers and booleans are supported."""
    return "\n".join(_lines(config, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        heads = [(f"{indent}{key}:", entry) for key, entry in value.items()]
    else:
        heads = [(f"{indent}-", entry) for entry in value]
    for head, entry in heads:
        if isinstance(entry, Mapping) or (isinstance(entry, Sequence) and not isinstance(entry, str)):
            if not entry:
                raise ValueError(f"{head.strip()} an empty collection cannot be written")
            yield head
            yield from _lines(entry, f"{indent}    ")
        else:
            yield f"{head} {_scalar(entry)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        value = " ".join(value.split())  # line breaks and tabs would be escaped
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
