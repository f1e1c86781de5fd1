"""Recordings that a corpus holds in pairs already: read, brought to one rate, stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.core import audio
from bench.core.errors import UserError
from bench.core.names import examples
from bench.core.types import Tag, Utterance
from bench.datasets.corpora.jobs import Made
from bench.datasets.corpora.raw import RawFile


@dataclass(frozen=True)
class Pair:
    """A noisy file and its clean one, if there is one; made into a recording at ``rate`` Hz.

    Attributes:
        channel: the one to take of files with several.
    """

    noisy: RawFile
    clean: RawFile | None
    rate: int
    transcript: str | None = None
    tags: Mapping[str, Tag] = field(default_factory=dict)
    channel: int | None = None

    def __call__(self, name: str) -> Made:
        """Read, check and resample it.

        Raises:
            UserError: a file cannot be read, or they are not one recording.
        """
        noisy, own = self.noisy.read(channel=self.channel)
        clean = None
        if self.clean is not None:
            clean, clean_rate = self.clean.read(channel=self.channel)
            if (clean.size, clean_rate) != (noisy.size, own):
                raise UserError(
                    f"{self.clean}: {clean.size} samples at {clean_rate} Hz, but {self.noisy} has {noisy.size} at {own}"
                )
            clean = audio.resample(clean, own, self.rate)
        noisy = audio.resample(noisy, own, self.rate)
        from_rate = own if own != self.rate else None
        made = Utterance(name, noisy, self.rate, clean, self.transcript, self.tags, from_rate)
        details: dict[str, Tag] = {"noisy": str(self.noisy), "file_rate": own}
        return Made(made, details if self.clean is None else {**details, "clean": str(self.clean)})


def matched(noisy: Sequence[RawFile], clean: Sequence[RawFile]) -> dict[str, tuple[RawFile, RawFile]]:
    """Pairs of files with the same name, by it.

    Raises:
        UserError: files are on one side only.
    """
    left, right = ({file.stem: file for file in files} for files in (noisy, clean))
    if alone := sorted(left.keys() ^ right.keys()):
        side = noisy if alone[0] in left else clean
        where = side[0].path if side[0].member else side[0].path.parent
        raise UserError(
            f"{where}: {len(alone)} files are on one side only ({examples(alone)}); unpack both parts again"
        )
    return {name: (left[name], right[name]) for name in sorted(left)}
