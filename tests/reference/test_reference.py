"""Number for number: every file in ``tests/golden`` is reproduced, within the tolerance that its check says."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from tests.reference import checks
from tests.reference.golden import CHECKS, Golden, check_for, distance
from tests.reference.take import DROPPED, GOLDEN, THINNED, taken, thin

ELSEWHERE = ("ckpt/*", "settings/*")
"""What tests of its own read."""
FILES = sorted(
    name
    for path in GOLDEN.rglob("*.*")
    if path.suffix in (".npz", ".json", ".safetensors")
    and not any(fnmatch(name := path.relative_to(GOLDEN).as_posix(), pattern) for pattern in ELSEWHERE)
)
CHECKED = [name for name in FILES if check_for(name)]


@pytest.mark.parametrize("name", CHECKED)
def test_is_reproduced(name: str) -> None:
    check, golden = check_for(name), Golden(name)
    assert check is not None
    found = [(label, distance(ours, theirs)) for label, ours, theirs in check.compare(golden)]
    assert found
    far = [f"{label}: {error:.1e}" for label, error in found if not error <= check.tolerance]
    assert not far, f"further than {check.tolerance:.0e}: {', '.join(far)}"
    for pattern in check.uses:
        assert any(fnmatch(read, pattern) for read in golden.read), f"{pattern} was not read"


def test_every_file_is_reproduced_or_used() -> None:
    unused = [
        name
        for name in FILES
        if not check_for(name) and not any(fnmatch(name, pattern) for check in CHECKS for pattern in check.uses)
    ]
    assert not unused
    assert len(CHECKED) > 40 and len(checks.__all__) == 8


def test_a_wrong_number_is_found() -> None:
    """The comparison can fail: in value, in shape, and for what is no number."""
    right = np.array([1.0, 2.0, 4.0])
    assert distance(right, right) == 0
    assert distance(right + 0.004, right) == pytest.approx(0.001)
    assert distance(right[:2], right) == distance("a", "b") == distance([("w", [1])], [("w", [2])]) == float("inf")
    assert not distance(right * np.nan, right) <= 1


def test_the_copies_are_the_originals(shared: Path) -> None:
    folder = shared / "reference"
    for name in filter(taken, json.loads((folder / "manifest.json").read_text())):
        if any(fnmatch(name, pattern) for pattern in (*DROPPED, *THINNED)):
            with np.load(folder / name) as theirs, np.load(GOLDEN / name) as ours:
                wanted = thin(name, dict(theirs))
                assert wanted.keys() == set(ours.files), name
                assert all(np.array_equal(wanted[key], ours[key], equal_nan=True) for key in wanted), name
        else:
            assert (GOLDEN / name).read_bytes() == (folder / name).read_bytes(), name
