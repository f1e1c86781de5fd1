"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference figures and real recordings beside the checkout; the test is skipped where they are absent."""
    folder = Path(os.environ.get("SEBENCH_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("reference data not present (set SEBENCH_SHARED)")
    return folder
