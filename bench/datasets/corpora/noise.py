"""Noise of corpora, in their own layouts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bench.core.errors import UserError
from bench.core.names import folded
from bench.datasets.corpora.raw import RawFile
from bench.datasets.recipes.mix import Source

CHIME3_TYPES = {"BUS": "bus", "CAF": "cafe", "PED": "pedestrian area", "STR": "street junction"}


def chime3(folder: Path) -> list[Source]:
    """CHiME3's background noise, channel 1: ``data/audio/16kHz/backgrounds/BGD_150203_010_BUS.CH1.wav``, at any depth.

    Raises:
        UserError: there is none.
    """
    places = sorted(path for path in folder.rglob("*") if path.is_dir() and folded(path.name) == "backgrounds")
    files = [path for place in places for path in sorted(place.glob("*.[Cc][Hh]1.wav"))]
    if not files:
        what = "no .CH1.wav file in" if places else "no folder backgrounds at any depth in"
        raise UserError(f"{places[0] if places else folder}: {what} it; copy CHiME3's data/audio/16kHz/backgrounds")
    return [Source(path.name.split(".")[0], RawFile(path), _type(path)) for path in files]


def _type(path: Path) -> dict[str, str | float | int]:
    found = re.search(r"_([A-Z]{3})$", path.name.split(".")[0].upper())
    return {"noise_type": CHIME3_TYPES.get(found[1], found[1].lower())} if found else {}


def shared_out(noises: Sequence[Source], shares: dict[str, float]) -> dict[str, list[Source]]:
    """Every recording cut in time, so that no two splits share a moment of noise."""
    edges, start = {}, 0.0
    for split, share in shares.items():
        edges[split] = (start, min(1.0, start + share))
        start += share
    return {split: [Source(one.name, one.file, one.tags, part) for one in noises] for split, part in edges.items()}
