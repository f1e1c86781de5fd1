"""SHA-256 digests of files for which no source states one, recorded when they first came (trust on first use)."""

from __future__ import annotations

import json
from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import replacing


def recorded(path: Path) -> dict[str, str]:
    """The digests in the JSON file ``path``, by the names of the files; empty if there is no such file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); delete it to trust the files as they are") from None


def record(path: Path, name: str, digest: str) -> None:
    """Add the digest of the file ``name`` to the JSON file ``path``.

    Raises:
        UserError: ``path`` cannot be read or written.
    """
    known = recorded(path) | {name: digest}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
