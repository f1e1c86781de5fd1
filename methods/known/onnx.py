"""Networks in ONNX files: run on one thread, their calls and multiply-accumulates counted."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bench.core.errors import UserError

Shape = Sequence[int]


class Network:
    """A network in an ONNX file, on one thread of the CPU: the same bits whatever else the machine does.

    Attributes:
        calls: how often it has been run.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session = _session(path)
        self.calls = 0

    def run(self, inputs: Mapping[str, Any]) -> list[Any]:
        """Its outputs for ``inputs`` by name."""
        self.calls += 1
        outputs: list[Any] = self._session.run(None, inputs)
        return outputs

    @cached_property
    def macs(self) -> float:
        """Multiply-accumulates of one call, on one frame."""
        return multiply_accumulates(self._path)

    @cached_property
    def parameters(self) -> int:
        """The floating-point numbers in its file."""
        return parameters(self._path)


def parameters(path: Path) -> int:
    """The floating-point numbers in the file: initial values, and constants among its operators.

    By their sizes: no file beside it is opened, whatever it names for its values.

    Raises:
        UserError: the file is not a network.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load_model_from_string(path.read_bytes()).graph
    except DecodeError as error:
        raise UserError(f"{path}: not an ONNX file ({error})") from error
    constants = [attribute.t for node in graph.node for attribute in node.attribute]  # no tensor: none of its elements
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    return sum(math.prod(tensor.dims) for tensor in [*graph.initializer, *constants] if tensor.data_type in floats)


def multiply_accumulates(path: Path, frames: int = 1) -> float:
    """Multiply-accumulates for a frame: of convolutions, matrix products and recurrent layers, by the shapes that they
    really ran on.

    Args:
        frames: on so many, as far as axes of its inputs have no fixed size.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = _session(path, str(Path(folder) / "profile"))
        shapes = {
            given.name: [axis if isinstance(axis, int) else frames for axis in given.shape]
            for given in session.get_inputs()
        }
        session.run(None, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return sum(_macs(event["args"]) for event in events if event.get("name", "").endswith("_kernel_time")) / frames


def passes(networks: Sequence[Network], before: Sequence[int], frames: int) -> int:
    """Network calls on a recording, of networks that are run frame by frame: how often each has been through all
    of its ``frames``, added up.

    Args:
        before: their ``calls`` before the recording.
    """
    return sum(math.ceil((network.calls - start) / frames) for network, start in zip(networks, before, strict=True))


def _session(path: Path, profile: str | None = None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, profile
        options.add_session_config_entry("session.disable_prepacking", "1")  # shapes of weights are those of the file
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # operators as published
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _macs(node: Mapping[str, Any]) -> int:
    counted = _COUNTED.get(node.get("op_name", ""))
    if counted is None:
        return 0
    inputs, outputs = (
        [next(iter(one.values())) for one in node[key]] for key in ("input_type_shape", "output_type_shape")
    )
    return counted(inputs, outputs[0])


def _convolution(inputs: Sequence[Shape], output: Shape) -> int:
    return math.prod(output) * math.prod(inputs[1][1:])


def _transposed_convolution(inputs: Sequence[Shape], output: Shape) -> int:
    return math.prod(inputs[0]) * math.prod(inputs[1][1:])


def _product(inputs: Sequence[Shape], output: Shape) -> int:
    return math.prod(output) * inputs[0][-1]


def _recurrent(inputs: Sequence[Shape], output: Shape) -> int:
    sequence, batch = inputs[0][:2]
    return sequence * batch * (math.prod(inputs[1]) + math.prod(inputs[2]))


def _grouped_product(inputs: Sequence[Shape], output: Shape) -> int:
    """Of ``einsum("btgi,gih->btgh")``, which is all that it is used for in the networks here."""
    (*_, groups, own), weights = inputs
    assert (groups, own) == tuple(weights[:2]) and output[-1] == weights[2], "another einsum"
    return math.prod(output) * own


_COUNTED: dict[str, Callable[[Sequence[Shape], Shape], int]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "MatMul": _product,
    "Gemm": _product,
    "Einsum": _grouped_product,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "RNN": _recurrent,
}
