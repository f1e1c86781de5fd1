"""The sizes of a reference network, read from its weights.

Not from the file's hyper-parameters: StoRM's do not hold them, and its backbones changed their sizes under
the same name. Weights cannot be wrong about their own shapes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from torch import Tensor

HEIGHT = 256
"""The frequency bins that the reference counts attention heights from, whatever the transform."""

Parts = dict[str, tuple[int, ...]]
"""The shapes in one entry of the reference's flat list ``all_modules``, by their names there."""


def sizes(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """Keyword arguments of ``NCSNpp`` for the network that ``weights`` are of.

    Args:
        weights: one network's, with the reference's keys and no prefix.

    Raises:
        ValueError: this is no NCSN++, or whole modules of it are missing.
    """
    modules = _modules(weights)
    # The list as a word, a letter a module. NCSN++M: F LL C BR JBR JBR JB BAB BBNC RBBNC RBBNC RBBNC
    word = "".join(map(_letter, modules))
    beginning = re.match("F(LL)?C", word)
    if beginning is None:
        raise ValueError("its first modules are not those of an NCSN++")
    segments = word[beginning.end() :].split("R")  # down as often as up, with the deepest level in between
    levels = segments[: len(segments) // 2]
    blocks = levels[0].count("B") if levels else 0
    middle = re.match(f"(?P<level>J?(?:BA?){{{blocks}}})BAB", segments[len(levels)])
    if not blocks or len(segments) % 2 == 0 or middle is None:
        raise ValueError("its levels are not those of an NCSN++")
    levels.append(middle["level"])
    width = modules[0]["W"][0]
    starts = [beginning.end() + sum(len(level) + 1 for level in levels[:depth]) for depth in range(len(levels))]
    firsts = [modules[word.index("B", start)] for start in starts]
    return {
        "inputs": modules[word.index("C")]["weight"][1] // 2,
        "width": width,
        "multipliers": [block["Conv_0.weight"][0] // width for block in firsts],
        "blocks": blocks,
        "attention_heights": [HEIGHT >> depth for depth, level in enumerate(levels) if "A" in level],
        "conditional": beginning[1] is not None,
        "pyramids": "J" in word,
    }


def _modules(weights: Mapping[str, Tensor]) -> list[Parts]:
    entries: dict[int, Parts] = defaultdict(dict)
    for key, tensor in weights.items():
        if match := re.fullmatch(r"all_modules\.(\d+)\.(.+)", key):
            entries[int(match[1])][match[2]] = tuple(tensor.shape)
    if missing := sorted(set(range(max(entries, default=0))) - entries.keys()):
        raise ValueError(f"nothing of all_modules.{missing[0]} is there")
    return [entries[index] for index in sorted(entries)]


def _letter(parts: Parts) -> str:
    """Fourier features, Linear, Conv, Norm, Attention, residual Block, Resampling block, or what Joins the pyramid."""
    if "W" in parts:
        return "F"
    if "NIN_0.W" in parts:
        return "A"
    if "Conv_1.weight" in parts:
        outputs, inputs = parts["Conv_0.weight"][:2]
        # Where the channels stay the same, only resampling needs a convolution on the skip path.
        return "R" if "Conv_2.weight" in parts and outputs == inputs else "B"
    if "Conv_0.weight" in parts:
        return "J"
    return {1: "N", 2: "L", 4: "C"}.get(len(parts.get("weight", ())), "?")
