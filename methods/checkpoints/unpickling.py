"""A PyTorch checkpoint read as data: tensors and plain values come out, and nothing of it ever runs.

Such a file is a zip archive with a pickle in it, and a pickle is a program: it may name any function and
have it called. So there are two locks. First the program's text is searched for names, without running
it; one that a checkpoint of StoRM or SGMSE has no need of is refused. Then PyTorch's own ``weights_only``
reader, which knows the functions that build tensors and imports nothing, runs what is left.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch

from bench.core.errors import UserError

BUILDERS = {
    "collections.OrderedDict",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_tensor_v2",
    *(f"torch.{kind}Storage" for kind in ("BFloat16", "Half", "Float", "Double")),
    *(f"torch.{kind}Storage" for kind in ("Bool", "Byte", "Char", "Short", "Int", "Long")),
}
"""What a dictionary of tensors is made with; PyTorch's reader has these itself."""


LONGEST_PROGRAM = 8 << 20
"""Bytes of a pickle; one of 65 million weights with its optimiser's state has half a million."""


class DataModule:
    """Stands where the reference's files name their data module's class, which is neither imported nor needed."""

    def __new__(cls, *_: Any) -> NoReturn:
        raise TypeError(f"the file calls {cls.__module__}.{cls.__qualname__}")


DataModule.__module__, DataModule.__qualname__ = "sgmse.data_module", "SpecsDataModule"


class FlowDataModule(DataModule):
    """The same, where FlowSE's files name it."""


FlowDataModule.__module__, FlowDataModule.__qualname__ = "flowmse.data_module", "SpecsDataModule"


class SpeechDataModule(DataModule):
    """The same, where fast_UdiffSE's files name it."""


SpeechDataModule.__module__, SpeechDataModule.__qualname__ = "sgmse.data_module_icp52", "SpecsDataModule"

STAND_INS = {f"{kind.__module__}.{kind.__qualname__}": kind for kind in (DataModule, FlowDataModule, SpeechDataModule)}
"""Classes that the reference's files name but never call, and what stands for each."""


def read(path: str | Path) -> dict[str, Any]:
    """The dictionary in a checkpoint; its tensors, on the CPU, are read from the file as they are used.

    Raises:
        UserError: missing, truncated, not a checkpoint, or it names something that it has no need of.
    """
    path = Path(path)
    try:
        names = set(_names(_program(path)))
    except (ValueError, zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise UserError(f"{path}: damaged, its pickle cannot be read ({error})") from error
    if refused := sorted(names - BUILDERS - STAND_INS.keys()):
        raise UserError(
            f"{path}: refused, for it asks for {_some(refused)}, which no checkpoint of StoRM or SGMSE needs; "
            "nothing in it was imported or run"
        )
    try:
        with torch.serialization.safe_globals(list(STAND_INS.values())):
            content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except Exception as error:  # a program that makes no sense can fail in any way
        raise UserError(f"{path}: damaged or made up, PyTorch cannot read it ({_reason(error)})") from error
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: holds {type(content).__name__}, not a checkpoint's dictionary")
    return dict(content)


def _program(path: Path) -> bytes:
    """The pickle in the archive, after what else could lie at ``path`` is told apart."""
    if not path.is_file():
        raise UserError(f"{path}: {'a folder, not a checkpoint' if path.is_dir() else 'no such checkpoint'}")
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: {_other_than_zip(path)}")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        pickles = [entry for entry in entries if entry.filename.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise UserError(f"{path}: a zip archive, but not one that PyTorch wrote")
        _check_records(path, entries)
        return archive.read(pickles[0])


def _check_records(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """That reading the records takes no more than the file has: PyTorch neither compresses nor overlaps them."""
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise UserError(f"{path}: its records are compressed, which PyTorch never does; unpack it or save it again")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise UserError(f"{path}: made up, its records are said to be larger than the file")
    if any(entry.filename.endswith(".pkl") and entry.file_size > LONGEST_PROGRAM for entry in entries):
        raise UserError(f"{path}: not a checkpoint of StoRM or SGMSE: its pickle has more than {LONGEST_PROGRAM} bytes")


def _other_than_zip(path: Path) -> str:
    """What a file is that was taken for a checkpoint."""
    with path.open("rb") as file:
        head = file.read(256)
    if not head:
        return "the file is empty"
    if head.startswith(b"PK\x03\x04"):
        return "truncated, it begins as a checkpoint but its end is missing; copy or download it again"
    if head.startswith(b"\x80"):
        return "a bare pickle and not the zip archive that PyTorch has written since 1.6; it is not read"
    kind = "a text file" if head.isascii() and b"\0" not in head else "an unknown kind of file"
    return f"{kind}, not a checkpoint: neither PyTorch's zip archive nor safetensors"


def _names(program: bytes) -> Iterator[str]:
    """Dotted names of all classes and functions that a pickle asks for.

    Raises:
        ValueError: it breaks off or is no pickle.
    """
    pushed: deque[str] = deque(["?", "?"], maxlen=2)  # a STACK_GLOBAL's module and name are the last two strings
    memo: dict[int, str] = {}
    for operation, argument, _ in pickletools.genops(program):
        name = operation.name
        if name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif name == "STACK_GLOBAL":
            yield ".".join(pushed)
        elif name.startswith("EXT"):
            yield f"the extension {argument}"
        elif "UNICODE" in name:
            pushed.append(str(argument))
        elif name == "MEMOIZE":
            memo[len(memo)] = pushed[-1]
        elif name.endswith("PUT"):
            memo[int(str(argument))] = pushed[-1]
        elif name.endswith("GET"):
            pushed.append(memo.get(int(str(argument)), "?"))


def _reason(error: Exception) -> str:
    """What went wrong, without PyTorch's advice to trust the file."""
    first = error.__context__ or error
    return f"{type(first).__name__}: {first}".partition(". ")[0]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
