"""DNSMOS' P.835 network on windows that overlap: what two of them have in common is computed once.

Its first four convolutions are nearly all of its work, and look four frames of 10 ms around each frame. What comes
after them in a window is therefore what came in the window before, but at the two ends, where the convolutions see
zeros beside the window, and in what the window does not share with the one before. Everything is computed by the
published network's own operators, on the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

WAVEFORM, SPECTROGRAM, POOLED, RATINGS = (
    "input_1",
    "adjusted_input6",
    "mos_estimator_logpow/conv2d_3/Relu:0_pooling0",
    "Identity:0",
)
"""Names in the file: its input, the logarithmic spectrogram, the first four convolutions halved, and its output."""

SAMPLES, BINS, CHANNELS = 144160, 161, 32
FRAME = 160
"""The samples from one frame to the next."""

HOP = 100
"""The frames from one window to the next."""

REACH = 4
"""The frames that the first four convolutions look to either side."""


class Windows:
    """An ``onnxruntime.InferenceSession`` of the network to its caller; it keeps the last window's intermediate values.

    Args:
        file: ``sig_bak_ovr.onnx`` of ``speechmos``.
        options: of the sessions.
    """

    def __init__(self, file: Path, options: Any) -> None:
        self._analyse, self._convolve, self._rate = sessions(file, options)
        self._last: tuple[Values, Values] | None = None  # the last window, and what the convolutions made of it

    def run(self, names: None, inputs: Mapping[str, Values]) -> list[Values]:
        """The network's output for one window, ``[1, SAMPLES]``: three ratings, ``[1, 3]``."""
        window = inputs[WAVEFORM]
        pooled = self._pooled(window)
        self._last = window, pooled
        return [_run(self._rate, POOLED, pooled)]

    def _pooled(self, window: Values) -> Values:
        """``POOLED`` of a window, ``[1, CHANNELS, 450, BINS // 2]``."""
        spectrogram = _run(self._analyse, WAVEFORM, window)
        moved = HOP * FRAME
        if self._last is None or not np.array_equal(self._last[0][:, moved:], window[:, :-moved]):
            return _run(self._convolve, SPECTROGRAM, spectrogram)
        start = _run(self._convolve, SPECTROGRAM, spectrogram[:, :, : 2 * REACH])
        end = _run(self._convolve, SPECTROGRAM, spectrogram[:, :, -HOP - 2 * REACH :])
        edge = REACH // 2
        known = self._last[1][:, :, HOP // 2 + edge : -edge]
        return np.concatenate([start[:, :, :edge], known, end[:, :, edge:]], axis=2)


def _run(session: Any, name: str, values: Values) -> Values:
    found: Values = session.run(None, {name: values})[0]
    return found


def sessions(file: Path, options: Any) -> tuple[Any, Any, Any]:
    """From the waveform to the spectrogram; from so many frames of that through four convolutions; from those of a
    window to the ratings.
    """
    import onnx
    import onnxruntime

    model = onnx.load(file)
    ends: list[tuple[str, Sequence[int | str]]] = [
        (WAVEFORM, (1, SAMPLES)),
        (SPECTROGRAM, (1, 1, "frames", BINS)),
        (POOLED, (1, CHANNELS, "halved", BINS // 2)),
        (RATINGS, (1, 3)),
    ]
    first, second, third = (
        onnxruntime.InferenceSession(
            part(model, *ends[at : at + 2]).SerializeToString(),
            sess_options=options,
            providers=["CPUExecutionProvider"],
        )
        for at in range(3)
    )
    return first, second, third


def part(model: Any, start: tuple[str, Sequence[int | str]], end: tuple[str, Sequence[int | str]]) -> Any:
    """The operators of ``model`` between two of its values, each a name with a shape (a text: of any size)."""
    from onnx import TensorProto, helper

    makers = {output: node for node in model.graph.node for output in node.output}
    wanted, needed = [end[0]], set()
    while wanted:
        name = wanted.pop()
        if name != start[0] and name in makers and name not in needed:
            needed.add(name)
            wanted += makers[name].input
    nodes = [node for node in model.graph.node if needed.intersection(node.output)]
    used = {name for node in nodes for name in node.input}
    (given,), (made,) = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in (start, end)
    )
    constants = [tensor for tensor in model.graph.initializer if tensor.name in used]
    graph = helper.make_graph(nodes, model.graph.name, [given], [made], constants)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
