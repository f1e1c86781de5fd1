"""Many signals of different lengths in one memory-mapped file: cheap to index, cheap to send to a worker."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from bench.core.types import Audio


class Pool(Sequence[Audio]):
    """The signals stored in ``folder``, float32. Opens its files on first use and pickles as its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, index: int) -> Audio: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Audio]: ...
    def __getitem__(self, index: int | slice) -> Audio | Sequence[Audio]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return np.array(self._samples[self._starts[index] : self._starts[index + 1]])

    def __reduce__(self) -> tuple[Any, ...]:
        return Pool, (self.folder,)

    @cached_property
    def about(self) -> dict[str, Any]:
        """How the signals were made, as ``build`` was told."""
        about: dict[str, Any] = json.loads((self.folder / "about.json").read_text(encoding="utf-8"))
        return about

    @cached_property
    def _samples(self) -> NDArray[np.float32]:
        samples: NDArray[np.float32] = np.load(self.folder / "samples.npy", mmap_mode="r")
        return samples

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        starts: NDArray[np.int64] = np.load(self.folder / "starts.npy")
        return starts


def build(folder: Path, signals: Iterable[Audio], about: dict[str, Any]) -> Pool:
    """The pool in ``folder``, written from ``signals`` if it is not there: whole or not at all.

    Args:
        about: how the signals were made, stored beside them as JSON.
    """
    if folder.is_dir():
        return Pool(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        sizes = _write(temporary / "samples.npy", signals)
        np.save(temporary / "starts.npy", np.cumsum([0, *sizes]))
        (temporary / "about.json").write_text(json.dumps(about, indent=1))
        try:
            temporary.rename(folder)
        except OSError:  # another process was first, with the same signals
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Pool(folder)


def _write(path: Path, signals: Iterable[Audio]) -> list[int]:
    """One array of all ``signals``, written one by one: memory holds one at a time. Their sizes come back."""
    raw = path.with_suffix(".raw")
    sizes = []
    with raw.open("wb") as file:
        for signal in signals:
            sizes.append(signal.size)
            file.write(np.asarray(signal, dtype=np.float32).tobytes())
    with path.open("wb") as whole, raw.open("rb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (sum(sizes),)}
        np.lib.format.write_array_header_1_0(whole, header)  # type: ignore[no-untyped-call]
        shutil.copyfileobj(file, whole)
    raw.unlink()
    return sizes
