"""Programs that can read everything and write to some folders only, by Landlock (Linux 5.13 and later).

This file is also the program that confines itself and then becomes the other: ``confinement.py FOLDER... -- WORD...``.
The numbers are those of the kernel's ``landlock.h``; ``man 7 landlock`` explains them.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
BY_VERSION, BENEATH_PATH, NO_NEW_PRIVILEGES = 1, 1, 38

WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
REFER = 1 << 13
"""Moving between folders; known from version 2 on, ``TRUNCATE`` from 3 on."""

DEVICES = Path("/dev")
"""Null, terminals, GPUs, shared memory: written to by everything, and none of it is stored."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled", ctypes.c_uint64),)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Of Landlock in this kernel; below 1 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return int(ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, BY_VERSION))


def confined(words: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """The command line that runs ``words`` so that it writes to these folders and to devices only."""
    return [sys.executable, "-I", __file__, *map(str, folders), "--", *words]


def confine(folders: Sequence[Path]) -> None:
    """Let this process, and whatever it starts, write beneath these folders only.

    Raises:
        OSError: the kernel refuses.
    """
    known = version()
    handled = WRITE_FILE | REMOVE_AND_MAKE | (REFER if known >= 2 else 0) | (TRUNCATE if known >= 3 else 0)
    ruleset = _called(CREATE_RULESET, ctypes.byref(_Ruleset(handled)), ctypes.sizeof(_Ruleset), 0)
    for folder in folders:
        opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        _called(ADD_RULE, ruleset, BENEATH_PATH, ctypes.byref(_Beneath(handled, opened)), 0)
        os.close(opened)
    if ctypes.CDLL(None, use_errno=True).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    _called(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _called(number: int, *arguments: object) -> int:
    found = int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


def main() -> None:
    folders, words = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    confine([*map(Path, folders), DEVICES])
    os.execvp(words[0], words)


if __name__ == "__main__":
    main()
