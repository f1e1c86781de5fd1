"""The sizes of a reference network, read from its weights.

Not from the file's hyper-parameters: StoRM's do not hold them, and its backbones changed their sizes under
the same name. Weights cannot be wrong about their own shapes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.core.errors import UserError
from methods.checkpoints.settings import FileSettings, shown

Sizes = dict[str, Any]
"""Keyword arguments of ``NCSNpp``."""

HEIGHT = 256
"""The frequency bins that the reference counts attention heights from, whatever the transform."""

Shapes = dict[str, tuple[int, ...]]
"""The shapes in one entry of the reference's flat list ``all_modules``, by their names there."""


def all_sizes(path: Path, networks: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Sizes]:
    """``sizes`` of the networks in a file, by their prefixes.

    Raises:
        UserError: one is no NCSN++.
    """
    prefix = ""
    found = {}
    try:
        for prefix, weights in networks.items():
            found[prefix] = sizes(weights)
    except ValueError as error:
        raise UserError(f"{path}: its network '{prefix}' does not fit: {error}") from error
    return found


def check_sizes(settings: FileSettings, size: Sizes, backbone: str, project: str) -> None:
    """Refuse what a file says of its networks' sizes where its weights say otherwise, as the reference would."""
    for key, ours in (("nf", "width"), ("ch_mult", "multipliers"), ("num_res_blocks", "blocks")):
        told = settings.value(key, size[ours])
        if told != size[ours] and not (isinstance(told, tuple) and list(told) == size[ours]):
            settings.refuse(key, f"trained with {key}={shown(told)}, but its weights are of {key}={size[ours]}")
    _check_pyramids(settings, size, "none" if backbone == "ncsnpp_48k" else None)
    n_fft = settings.whole("n_fft", 510, 2, 1 << 16)
    bins, multiple = n_fft // 2 + 1, 2 ** (len(size["multipliers"]) - 1)
    if bins % multiple:
        near = 2 * (round(bins / multiple) * multiple or multiple) - 2
        settings.refuse(
            "n_fft",
            f"trained with n_fft={n_fft}, which gives {bins} frequency bins; "
            f"its networks take multiples of {multiple}, as n_fft={near} gives",
        )
    else:
        _check_attention(
            settings, size, bins, (16,) if project == "SGMSE" and backbone in ("ncsnpp", "ncsnpp_v2") else ()
        )


def _check_pyramids(settings: FileSettings, size: Sizes, default: str | None) -> None:
    kinds = {"progressive": "output_skip", "progressive_input": "input_skip"}
    for key, kind in kinds.items():
        told = str(settings.value(key, default or kind)).lower()
        if told not in ("none", kind) or (key in settings.values and (told == kind) != size["pyramids"]):
            weights = "with both pyramids" if size["pyramids"] else "with neither pyramid"
            settings.refuse(
                key,
                f"trained with {key}={shown(told)}; what is read is {' and '.join(kinds.values())}, or none of both, "
                f"and its weights are those of a network {weights}",
            )
    if size["pyramids"]:
        settings.one_of("progressive_combine", "sum", ("sum",))


def _check_attention(settings: FileSettings, size: Sizes, bins: int, default: tuple[int, ...]) -> None:
    """The reference creates attention by heights of ``image_size`` and runs it by the heights that it meets."""
    there = {HEIGHT // height for height in size["attention_heights"]}
    heights = settings.value("attn_resolutions", default or size["attention_heights"])
    image = settings.whole("image_size", HEIGHT, 1, 1 << 20)
    if not isinstance(heights, list | tuple) or not all(isinstance(height, int) for height in heights):
        settings.refuse(
            "attn_resolutions", f"trained with attn_resolutions={shown(heights)}, which is a list of heights"
        )
        return
    for depth in range(len(size["multipliers"])):
        lies = 2**depth in there
        if (image // 2**depth in heights) != lies:
            key = "image_size" if "image_size" in settings.values and image != HEIGHT else "attn_resolutions"
            told = f"attn_resolutions={shown(heights)} and image_size={image}"
            settings.refuse(key, f"trained with {told}, but its weights have attention elsewhere")
        elif (bins // 2**depth in heights) != lies:
            told = f"attn_resolutions={shown(heights)} and n_fft={2 * bins - 2}, which gives {bins} frequency bins"
            settings.refuse("n_fft", f"trained with {told}; its weights have attention elsewhere")


def sizes(weights: Mapping[str, Tensor]) -> Sizes:
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
    if not blocks or len(segments) % 2 == 0 or middle is None or 2 ** len(levels) > HEIGHT:
        raise ValueError("its levels are not those of an NCSN++")
    levels.append(middle["level"])
    width = modules[0]["W"][0]
    starts = [beginning.end() + sum(len(level) + 1 for level in levels[:depth]) for depth in range(len(levels))]
    firsts = [modules[word.index("B", start)] for start in starts]
    multipliers = [block["Conv_0.weight"][0] // width for block in firsts]
    if 0 in multipliers:
        raise ValueError(f"its blocks have fewer channels than the width {width} of its first weight")
    return {
        "inputs": modules[word.index("C")]["weight"][1] // 2,
        "width": width,
        "multipliers": multipliers,
        "blocks": blocks,
        "attention_heights": [HEIGHT >> depth for depth, level in enumerate(levels) if "A" in level],
        "conditional": beginning[1] is not None,
        "pyramids": "J" in word,
    }


def _modules(weights: Mapping[str, Tensor]) -> list[Shapes]:
    entries: dict[int, Shapes] = defaultdict(dict)
    for key, tensor in weights.items():
        if match := re.fullmatch(r"all_modules\.(\d+)\.(.+)", key):
            entries[int(match[1])][match[2]] = tuple(tensor.shape)
    if missing := sorted(set(range(max(entries, default=0))) - entries.keys()):
        raise ValueError(f"nothing of all_modules.{missing[0]} is there")
    return [entries[index] for index in sorted(entries)]


def _letter(parts: Shapes) -> str:
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
