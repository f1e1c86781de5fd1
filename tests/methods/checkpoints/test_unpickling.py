"""A checkpoint is read as data: hostile files do nothing, and are told what they asked for."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.core.errors import UserError
from methods.checkpoints import unpickling
from methods.checkpoints.unpickling import DataModule, read
from tests.methods.checkpoints.files import GOLDEN, write

WEIGHTS = {"state_dict": OrderedDict(a=torch.arange(6.0).reshape(2, 3))}


class Calls:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


class Built:
    """Pickles as an instance of this class, with a state to be set."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        Path(state["mark"]).touch()


def built(mark: Path) -> Built:
    instance = Built()
    instance.__dict__["mark"] = str(mark)
    return instance


HOSTILE: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "a shell command": ("posix.system|nt.system", lambda mark: Calls(os.system, f"touch {mark}")),
    "a file opened": ("_?io.open", lambda mark: Calls(open, str(mark), "w")),
    "code evaluated": ("__builtin__.eval", lambda mark: Calls(eval, f"open({str(mark)!r}, 'w')")),
    "code executed": ("__builtin__.exec", lambda mark: Calls(exec, f"open({str(mark)!r}, 'w')")),
    "an attribute fetched": ("__builtin__.getattr", lambda mark: Calls(getattr, "text", "upper")),
    "an instance of a class": (r"test_unpickling\.Built", built),
    "a function of torch": (r"torch\.serialization\.load", lambda mark: Calls(torch.load, str(mark))),
    "a sparse tensor": (r"torch\._utils\._rebuild_sparse_tensor", lambda mark: torch.eye(2).to_sparse()),
    "a class of another library": (r"pathlib\..*Path", lambda mark: mark),
}


@pytest.mark.parametrize(("name", "payload"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_does_nothing_and_is_refused_by_name(
    tmp_path: Path, name: str, payload: Callable[[Path], Any]
) -> None:
    mark, path = tmp_path / "mark", tmp_path / "hostile.ckpt"
    torch.save({**WEIGHTS, "hyper_parameters": {"harmless": 1, "not": payload(mark)}}, path)
    with pytest.raises(UserError, match=f"hostile.ckpt: refused, for it asks for .*({name})"):
        read(path)
    assert not mark.exists()


def test_a_payload_of_the_test_would_work_if_it_were_run(tmp_path: Path) -> None:
    """Else the tests above could not fail."""
    mark, path = tmp_path / "mark", tmp_path / "hostile.ckpt"
    torch.save({"not": HOSTILE["a shell command"][1](mark)}, path)
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_a_module_that_a_file_names_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that is refused nor the one that the reference's own files name, though both can be found."""
    for package in ("evil", "sgmse"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "evil.ckpt"
    _replace_program(path, pickle.PROTO + b"\x02cevil\nThing\n.")
    with pytest.raises(UserError, match=r"asks for evil\.Thing"):
        read(path)
    content = read(GOLDEN / "ckpt" / "storm_denoiser_nf4_epochend.ckpt")
    assert content["hyper_parameters"]["data_module_cls"] is DataModule
    assert not {"evil", "sgmse"} & sys.modules.keys()


def _replace_program(path: Path, program: bytes) -> None:
    """A PyTorch archive with ``program`` in place of its pickle."""
    whole = path.with_suffix(".whole")
    torch.save(WEIGHTS, whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            target.writestr(entry, program if entry.filename.endswith("data.pkl") else source.read(entry))


def test_a_stand_in_may_be_named_but_not_called(tmp_path: Path) -> None:
    path = tmp_path / "called.ckpt"
    for operation in (pickle.REDUCE, pickle.NEWOBJ):
        _replace_program(path, pickle.PROTO + b"\x02csgmse.data_module\nSpecsDataModule\n)" + operation + b".")
        with pytest.raises(UserError, match=r"the file calls sgmse\.data_module\.SpecsDataModule"):
            read(path)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_newer_protocols_hide_no_names(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "hostile.ckpt"
    nested = [{"a": ["b", Calls(os.system, f"touch {tmp_path / 'mark'}")]}]
    _replace_program(path, pickle.dumps(nested, protocol))
    with pytest.raises(UserError, match=r"asks for (posix|nt)\.system"):
        read(path)
    assert not (tmp_path / "mark").exists()


def test_the_second_lock_holds_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the search for names ever miss one, PyTorch's reader still refuses it."""
    monkeypatch.setattr(unpickling, "_names", lambda program: iter(()))
    path = tmp_path / "hostile.ckpt"
    torch.save({"a": Calls(os.system, f"touch {tmp_path / 'mark'}")}, path)
    with pytest.raises(UserError, match=r"unsupported GLOBAL (posix|nt)\.system") as caught:
        read(path)
    assert "weights_only" not in str(caught.value)  # PyTorch's own advice, to do without, would be a bad one
    assert not (tmp_path / "mark").exists()


def test_no_global_list_of_trusted_classes_is_left_longer(tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())  # PyTorch keeps them as a set, and lists them in any order
    read(GOLDEN / "ckpt" / "storm_denoiser_nf4_epochend.ckpt")
    assert set(torch.serialization.get_safe_globals()) == before


def test_what_a_checkpoint_needs_comes_through(tmp_path: Path) -> None:
    tensors = {str(kind): torch.tensor([0, 1], dtype=kind) for kind in (torch.float16, torch.bfloat16, torch.int64)}
    content = {**WEIGHTS, "tensors": tensors, "parameter": torch.nn.Parameter(torch.ones(2)), "plain": [None, 1.5, ()]}
    back = read(write(tmp_path / "good.ckpt", {**content, "hyper_parameters": {"data_module_cls": DataModule}}))
    assert torch.equal(back["state_dict"]["a"], WEIGHTS["state_dict"]["a"])
    assert all(torch.equal(back["tensors"][kind], tensor) for kind, tensor in tensors.items())
    assert torch.equal(back["parameter"], torch.ones(2)) and back["plain"] == content["plain"]


def test_a_file_from_a_gpu_is_read_without_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(write(tmp_path / "cpu.ckpt", WEIGHTS)) as archive:
        program = archive.read("cpu/data.pkl")
    assert program.count(b"X\x03\x00\x00\x00cpu") == 1  # where the storage was
    path = tmp_path / "gpu.ckpt"
    _replace_program(path, program.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))
    tensor = read(path)["state_dict"]["a"]
    assert tensor.device.type == "cpu" and torch.equal(tensor, WEIGHTS["state_dict"]["a"])


def _other_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing here")


DAMAGE: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "missing": ("no such checkpoint", lambda path: path.unlink()),
    "a folder": ("a folder, not a checkpoint", lambda path: (path.unlink(), path.mkdir())),
    "empty": ("the file is empty", lambda path: path.write_bytes(b"")),
    "text": ("a text file, not a checkpoint", lambda path: path.write_text("<!DOCTYPE html>not found")),
    "noise": ("an unknown kind of file", lambda path: path.write_bytes(bytes(range(255, 100, -1)))),
    "truncated": ("truncated", lambda path: path.write_bytes(path.read_bytes()[:-1000])),
    "cut in half": ("truncated", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
    "a bare pickle": ("a bare pickle", lambda path: path.write_bytes(pickle.dumps({"a": 1}))),
    "another archive": ("not one that PyTorch wrote", _other_archive),
    "a list": ("holds list, not", lambda path: torch.save([1, 2], path)),
    "a broken program": ("damaged", lambda path: _replace_program(path, b"\x80\x02}q\x00(X\x05")),
    "no program": ("damaged", lambda path: _replace_program(path, b"hello")),
    "a program that fails": ("damaged", lambda path: _replace_program(path, b"\x80\x02h\x07.")),
}


@pytest.mark.parametrize(("message", "damage"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_one_clear_line(tmp_path: Path, message: str, damage: Callable[[Path], Any]) -> None:
    path = tmp_path / "damaged.ckpt"
    shutil.copy(GOLDEN / "ckpt" / "storm_denoiser_nf4_epochend.ckpt", path)
    damage(path)
    with pytest.raises(UserError, match=f"damaged.ckpt: .*{message}") as caught:
        read(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
