"""The benchmark that comes with the package: generated speech in noise and in rooms, with transcripts.

``bench.datasets.synthesis.make_demo`` made it and describes it. Its voices, sentences, noises and rooms
are used nowhere in training.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from bench.core.errors import UserError, did_you_mean
from bench.core.files import sha256
from bench.core.types import Utterance
from bench.datasets.paired_folder import Manifested, PairedFolder

FOLDER = Path(__file__).parent / "demo_data"
"""One folder per version."""

VERSION = 2
SHORT = {1: 10, 2: 12}
"""By version, the number of the manifest's first rows that form the short set."""


class Demo(Manifested):
    """Noisy and reverberant recordings of eight natural synthetic voices, 16 kHz.

    Args:
        subset: "short" (12 recordings: 8 in noise, 2 in rooms, 2 in noisy rooms) or "full" (48: 32, 8 and 8), which
            begins with the short one's and is called ``demo_full`` in tables.
        version: 2; or 1, the 10 and 32 recordings of six formant voices on which runs were stored before.
        folder: another folder that ``make_demo`` wrote.

    Raises:
        UserError: no such subset or version, or the folder's manifest is missing or altered.
    """

    def __init__(
        self,
        subset: Literal["short", "full"] = "short",
        version: int = VERSION,
        folder: str | Path | None = None,
    ) -> None:
        if subset not in ("short", "full"):
            raise did_you_mean("subset of dataset 'demo'", str(subset), ("short", "full"))
        if version not in SHORT:
            raise UserError(f"dataset 'demo': there is no version {version}; it has {', '.join(map(str, SHORT))}")
        self._folder = FOLDER / str(version) if folder is None else Path(folder).expanduser()
        self._verify("manifest.csv")
        name, limit = ("demo", SHORT[version]) if subset == "short" else ("demo_full", None)
        self._recordings = PairedFolder(manifest=self._folder / "manifest.csv", name=name, limit=limit)

    def load(self, utterance: str) -> Utterance:
        """Read one recording.

        Raises:
            UserError: no such utterance, or one of its files is missing or altered.
        """
        if utterance in self.ids():
            for side in ("clean", "noisy"):
                self._verify(f"{side}/{utterance}.flac")
        return super().load(utterance)

    @cached_property
    def _checksums(self) -> dict[str, str]:
        """SHA-256 by relative path."""
        path = self._folder / "checksums.txt"
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read ({error}); make or install it again") from error
        return {name: checksum for checksum, name in (line.split(maxsplit=1) for line in lines)}

    def _verify(self, name: str) -> None:
        path = self._folder / name
        if not path.is_file():
            raise UserError(f"{path}: no such file; make or install it again")
        if sha256(path) != self._checksums.get(name):
            raise UserError(f"{path}: altered, its checksum does not match; make or install it again")


def demo_full(version: int = VERSION) -> Demo:
    """All 48 recordings of the demo benchmark (32 of its version 1)."""
    return Demo(subset="full", version=version)
