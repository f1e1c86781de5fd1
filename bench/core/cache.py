"""Where things lie on this machine that can be fetched or computed again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """The folder for one kind of things: under ``SEBENCH_CACHE`` if that is set, else in the user's cache."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("SEBENCH_CACHE") or user_cache_path("sebench")).expanduser() / kind
