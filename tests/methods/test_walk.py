"""One clip's way through a method is the one that CONTRIBUTING.md describes, and enters every file once."""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from bench.core.types import Utterance
from bench.run.inference import Inference
from methods.backbones import NCSNpp
from methods.base import create
from methods.weights import new_model
from tests.conftest import ROOT


def described() -> list[str]:
    """The files that start the numbered lines of CONTRIBUTING.md's section."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("### One clip's way through a method")[2].partition("###")[0]
    return re.findall(r"^\d+\. `([\w/.]+)`", section, re.MULTILINE)


def walked() -> list[str]:
    """Our files on the stack, outermost first, each time as often as it was entered from another."""
    frame, files = sys._getframe(1), []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if any(path.is_relative_to(ROOT / package) for package in ("bench", "methods")):
            files.append(path.relative_to(ROOT).as_posix())
        frame = frame.f_back  # type: ignore[assignment]
    return [file for file, _ in groupby(reversed(files))]


def test_the_walk_is_the_one_described() -> None:
    walks: dict[str, list[str]] = {}

    class Followed(NCSNpp):
        def _embed(self, t: torch.Tensor | None) -> torch.Tensor:  # called by forward, of the score network alone
            walks["score"] = walked()
            return super()._embed(t)

    model = new_model("storm", {"width": 8, "multipliers": [1, 2]})
    model.networks["score"] = Followed(**model.sizes["score"])
    clip = Utterance("a", np.random.default_rng(0).normal(0, 0.1, 900).astype(np.float32), 16000)
    Inference(create("storm", checkpoint=model, device="cpu"))(clip, 2, torch.Generator().manual_seed(0))
    assert walks["score"] == described()
    assert len(described()) == len(set(described())) == 9
