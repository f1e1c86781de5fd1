"""WV-MOS: a non-intrusive prediction of the mean opinion score of a listening test, about 1 to 5 (not clipped).

Andreev, Alanov, Ivanov, Vetrov, "HiFi++: A Unified Framework for Bandwidth Extension and Speech Enhancement", ICASSP
2023: wav2vec 2.0 (base) with two linear layers on top, averaged over time. The weights are not distributed with this
project.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.errors import UserError
from metrics.base import Clip, Metric, Undefined, distribution
from metrics.models import model_file, needed, sha256

DEFAULT = "~/.cache/wv_mos/wv_mos.ckpt"
"""Where the authors' package stores the weights."""

WHENCE = "https://zenodo.org/record/6201162/files/wav2vec2.ckpt"
HOW = f"download the weights ({WHENCE}) and name them: {{name: wvmos, weights: FILE}}"
STRIDES = (5, 2, 2, 2, 2, 2, 2)
PER_HEAD = 64
"""Channels of an attention head, in wav2vec 2.0 of any size."""

RENAMED = {
    "pos_conv_embed.conv.weight_g": "pos_conv_embed.conv.parametrizations.weight.original0",
    "pos_conv_embed.conv.weight_v": "pos_conv_embed.conv.parametrizations.weight.original1",
}
"""How transformers calls weight-normalised weights since the checkpoint was written."""


class WvMos(Metric):
    """Needs the authors' weights, and the extra ``transformers``.

    Args:
        weights: their checkpoint.

    Raises:
        UserError: transformers is not installed, there is no such file, or it holds something else.
    """

    label = "WV-MOS"
    unit = "MOS"
    aspect = "quality"  # of a regression without limits
    needs_clean = False
    sample_rate = 16000
    min_seconds = 0.025

    def __init__(self, weights: str = DEFAULT) -> None:
        needed("transformers", "transformers")
        self._file = model_file(weights, "wvmos", HOW)
        self._network = load(self._file)

    def compute(self, clip: Clip) -> float:
        import torch

        if np.ptp(clip.enhanced) == 0:
            raise Undefined("the enhanced speech is constant: there is nothing to hear")
        speech = clip.enhanced.astype(np.float64)
        speech = (speech - speech.mean()) / np.sqrt(speech.var() + 1e-7)  # as wav2vec 2.0's feature extractor
        with torch.inference_mode():
            return float(self._network(torch.from_numpy(speech.astype(np.float32))[None]))

    def settings(self) -> Mapping[str, str]:
        return {"weights": sha256(self._file), "network": distribution("transformers")}


def load(file: Path) -> Any:
    """The network in a checkpoint of WV-MOS's layout, of whatever size; waveforms ``[1, samples]`` -> a number.

    Raises:
        UserError: it holds something else.
    """
    from torch import Tensor, nn
    from transformers import Wav2Vec2Model

    class Network(nn.Module):
        def __init__(self, state: Mapping[str, Tensor]) -> None:
            super().__init__()
            self.encoder = Wav2Vec2Model(_configuration(state))
            hidden, features = state["dense.0.weight"].shape
            self.dense = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, 1))

        def forward(self, speech: Tensor) -> Tensor:
            opinions: Tensor = self.dense(self.encoder(speech).last_hidden_state)
            return opinions.mean()

    state = {_renamed(key): value for key, value in _read(file).items()}
    try:
        network = Network(state)
        network.load_state_dict(state)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"wvmos: {file}: not a checkpoint of WV-MOS ({reason})") from error
    return network.eval()


def _read(file: Path) -> dict[str, Any]:
    """The weights of a Lightning checkpoint, without ``model.``. Nothing that the file names is imported or called."""
    import torch

    class Inert:
        """In place of every class that the checkpoint names beside its weights."""

        def __init__(self, *_: object, **__: object) -> None: ...

    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(file)
        with torch.serialization.safe_globals([(Inert, name) for name in named]):
            checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        state = checkpoint["state_dict"]
        return {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    except Exception as error:  # unpickling fails in many ways
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        if isinstance(error, pickle.UnpicklingError):  # torch gives a page of advice, not all of it good
            reason = "it calls functions"
        raise UserError(f"wvmos: {file}: not a checkpoint of WV-MOS ({reason})") from error


def _renamed(key: str) -> str:
    return next((key.replace(old, new) for old, new in RENAMED.items() if key.endswith(old)), key)


def _configuration(state: Mapping[str, Any]) -> Any:
    """wav2vec 2.0's sizes, read off the shapes of its weights."""
    from transformers import Wav2Vec2Config

    convolutions = [state[f"encoder.feature_extractor.conv_layers.{i}.conv.weight"].shape for i in range(len(STRIDES))]
    hidden = state["encoder.feature_projection.projection.weight"].shape[0]
    position = state[f"encoder.encoder.{RENAMED['pos_conv_embed.conv.weight_v']}"].shape
    layers = {match[1] for key in state if (match := re.match(r"encoder\.encoder\.layers\.(\d+)\.", key))}
    return Wav2Vec2Config(
        hidden_size=hidden,
        num_hidden_layers=len(layers),
        num_attention_heads=max(1, hidden // PER_HEAD),
        intermediate_size=state["encoder.encoder.layers.0.feed_forward.intermediate_dense.weight"].shape[0],
        conv_dim=tuple(shape[0] for shape in convolutions),
        conv_kernel=tuple(shape[2] for shape in convolutions),
        conv_stride=STRIDES,
        num_conv_pos_embeddings=position[2],
        num_conv_pos_embedding_groups=hidden // position[1],
    )
