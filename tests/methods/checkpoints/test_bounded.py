"""Damaged and hostile files cost one line, and neither time nor memory."""

from __future__ import annotations

import errno
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import methods.weights
from bench.core.errors import UserError
from methods.checkpoints.systems import open_model
from methods.weights import load, new_model, save
from tests.methods.checkpoints.files import GOLDEN, STORM, lightning, network, write

SCORE = GOLDEN / "ckpt" / "storm_score_nf4_midepoch.ckpt"


def refused(path: Path) -> str:
    """The one line about a file."""
    with pytest.raises(UserError) as caught:
        open_model(path)
    line = str(caught.value)
    assert str(path) in line and "\n" not in line and len(line) < 700
    return line


# Archives


def test_compressed_records_are_not_unpacked(tmp_path: Path) -> None:
    """A few kilobytes can stand for as many gigabytes as one likes."""
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * (64 << 20))
    assert path.stat().st_size < 1 << 20
    assert "its records are compressed, which PyTorch never does" in refused(path)


def test_records_are_no_larger_than_the_file(tmp_path: Path) -> None:
    """A record said to be larger than it is, as records that overlap are."""
    path = tmp_path / "overlapping.ckpt"
    content = bytearray(SCORE.read_bytes())
    entry = content.rindex(b"PK\x01\x02")  # the last one in the archive's directory
    content[entry + 20 : entry + 28] = struct.pack("<II", 1 << 30, 1 << 30)
    path.write_bytes(content)
    assert "made up, its records are said to be larger than the file" in refused(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_said_to_be_one(tmp_path: Path, share: float) -> None:
    path = tmp_path / "cut.ckpt"
    content = SCORE.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "truncated" in refused(path)


# Weights and hyper-parameters of a checkpoint


def score(**settings: Any) -> dict[str, Any]:
    networks = {"dnn": network(multipliers=(1, 2))}
    return {**lightning(networks, networks, **{**STORM, **settings}), "ema": None}


def test_a_weight_that_repeats_a_number_without_end_is_not_copied(tmp_path: Path) -> None:
    content = score()
    content["state_dict"]["dnn.all_modules.0.W"] = torch.zeros(1).expand(10**11)
    assert "its weights would take 4e+11 bytes" in refused(write(tmp_path / "a.ckpt", content))


def test_a_network_is_not_built_for_one_wide_weight(tmp_path: Path) -> None:
    content = score()
    content["state_dict"]["dnn.all_modules.0.W"] = torch.zeros(10**6)
    line = refused(write(tmp_path / "a.ckpt", content))
    assert "network 'dnn' does not fit" in line


ABSURD: dict[str, tuple[Any, ...]] = {
    "nf": (10**9, -1, "many", None),
    "ch_mult": ([10**9], [1] * 50, 3),
    "num_res_blocks": (10**9,),
    "n_fft": (10**9, 512, 0, -2, 510.5, "510", True, 10**30),
    "hop_length": (0, 510, 10**9, -128),
    "spec_factor": (0, -1.0, float("nan"), float("inf"), "0.15"),
    "spec_abs_exponent": (0, 1e9, float("nan")),
    "theta": (0, float("nan"), -5, "steep", 10**30),
    "sigma_max": (0.01, 0, float("inf")),
    "t_eps": (0, 1, 5.0, float("nan"), None),
    "fir_kernel": ([], [1, -1], [float("nan"), 1], [1] * 50, "1331", [[1, 1], [1, 1]], 3),
    "nonlinearity": ("gelu", None, 7),
    "skip_rescale": ("maybe", None, 2),
    "window": (None, 5, "hann" * 1000),
    "sde": (None, ["ouve"], {"name": "ouve"}),
    "backbone": (None, 5, "ncsnpp" * 1000),
}


@pytest.mark.parametrize("key", ABSURD)
def test_an_absurd_hyper_parameter_is_refused_by_name_and_value(tmp_path: Path, key: str) -> None:
    for value in ABSURD[key]:
        line = refused(write(tmp_path / "a.ckpt", score(**{key: value})))
        assert key in line and (str(value)[:20] in line or isinstance(value, int | dict)), (value, line)


def test_hyper_parameters_that_grow_when_they_are_written_out_are_not(tmp_path: Path) -> None:
    """Forty lists, each of them twice the one before: a thousand billion entries."""
    nested: list[Any] = ["x" * 1000]
    for _ in range(40):
        nested = [nested, nested]
    content = score(format=nested, more={"deep": nested}, base_dir="x" * 10**6)
    content["epoch"] = nested
    model = open_model(write(tmp_path / "a.ckpt", content))
    assert len(json.dumps(model.config())) < 10_000


def test_hyper_parameters_without_end_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ckpt", score(**{f"option_{i}": i for i in range(2000)}))
    assert "it has 20" in refused(path) and "hyper-parameters" in refused(path)


# Our own files


def ours(path: Path) -> dict[str, Any]:
    """A small file, and its metadata."""
    save(path, new_model("ncsnpp_m", {"width": 8, "multipliers": [1, 2]}))
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["sebench"])  # type: ignore[no-any-return]


def with_entry(path: Path, entry: str, **tensors: torch.Tensor | None) -> Path:
    with safe_open(path, framework="pt") as file:
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    kept = {name: tensor for name, tensor in {**kept, **tensors}.items() if tensor is not None}
    save_file(kept, path, metadata={"sebench": entry})
    return path


WRONG: dict[str, Any] = {
    "no text": "",
    "no JSON": "{",
    "a list": [],
    "nothing in it": {},
    "nested without end": "[" * 100_000,
    "no such method": {"method": "strom"},
    "a method that has no networks": {"method": "noisy"},
    "a number for the sizes": {"sizes": 5},
    "a number for a size": {"sizes": {"denoiser": 5}},
    "a width of a billion": {"sizes": {"denoiser": {"width": 10**9, "multipliers": [1, 2]}}},
    "a width beyond all numbers": {"sizes": {"denoiser": {"width": 10**30}}},
    "a billion blocks": {"sizes": {"denoiser": {"width": 8, "blocks": 10**9}}},
    "a million levels": {"sizes": {"denoiser": {"width": 8, "multipliers": [1] * 10**5}}},
    "an unknown option": {"sizes": {"denoiser": {"width": 8, "depth": 3}}},
    "no width": {"sizes": {"denoiser": {"width": 0}}},
    "a window of a billion": {"spectrogram": {"n_fft": 10**9}},
    "a window that does not fit": {"spectrogram": {"n_fft": 512}},
    "no hop": {"spectrogram": {"hop": 0}},
    "text for a number": {"spectrogram": {"factor": "large"}},
    "an unknown SDE": {"sde": {"name": "weather"}},
    "text for a parameter": {"sde": {"name": "ouve", "theta": "steep"}},
    "an unknown prediction": {"parametrization": {"predicts": "weather"}},
    "text for a time": {"t_eps": "0.03"},
    "a list of samplers": {"sampler": ["pc"]},
    "a text for the training": {"training": "long"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_metadata_that_are_valid_and_wrong_cost_one_line(tmp_path: Path, wrong: Any) -> None:
    path = tmp_path / "ours.safetensors"
    entry = ours(path)
    if isinstance(wrong, dict) and wrong:
        wrong = {**entry, **wrong}
    refused(with_entry(path, wrong if isinstance(wrong, str) else json.dumps(wrong)))


def test_weights_of_another_shape_cost_one_line_however_many(tmp_path: Path) -> None:
    path = tmp_path / "ours.safetensors"
    entry = ours(path)
    entry["sizes"]["denoiser"]["width"] = 16
    line = refused(with_entry(path, json.dumps(entry)))
    assert "the weights do not fit the configuration" in line and "instead of [16]" in line and " more" in line


def test_missing_and_left_over_weights_are_named(tmp_path: Path) -> None:
    path = tmp_path / "ours.safetensors"
    entry = json.dumps(ours(path))
    with_entry(path, entry, **{"denoiser.output.bias": None, "denoiser.extra": torch.zeros(1)})
    line = refused(path)
    assert "denoiser.output.bias is missing, denoiser.extra is not expected" in line


def test_undamaged_it_is_read(tmp_path: Path) -> None:
    """Else the tests above could not fail."""
    path = tmp_path / "ours.safetensors"
    assert open_model(with_entry(path, json.dumps(ours(path)))).method == "ncsnpp_m"


# Writing


def test_what_cannot_be_written_costs_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = new_model("ncsnpp_m", {"width": 8, "multipliers": [1, 2]})
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/a.safetensors: cannot be written \("):
        save(tmp_path / "file" / "a.safetensors", model)

    def full(tensors: Any, path: Path, **_: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    save(tmp_path / "a.safetensors", model)
    before = (tmp_path / "a.safetensors").read_bytes()
    monkeypatch.setattr(methods.weights, "save_file", full)
    with pytest.raises(UserError, match=r"a.safetensors: cannot be written \(.*No space left on device"):
        save(tmp_path / "a.safetensors", model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "file"]
    assert (tmp_path / "a.safetensors").read_bytes() == before
    assert load(tmp_path / "a.safetensors").method == "ncsnpp_m"
