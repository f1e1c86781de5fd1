"""What opening a method must not import: seconds of every process of a run."""

from __future__ import annotations

import subprocess
import sys

import pytest

OPENS = """
import sys
from methods import create
create({name!r}, device="cpu")
print(*(heavy for heavy in ("torch._dynamo", "sympy") if heavy in sys.modules))
"""


@pytest.mark.parametrize("name", ["ncsnpp_m", "storm"])
def test_networks_are_opened_without_the_compiler(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", OPENS.format(name=name)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
