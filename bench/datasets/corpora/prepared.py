"""Prepared datasets in a run: ``datasets=[voicebank_demand]``, or ``{name: voicebank_demand, split: valid, dir: ...}``.

There is a class for every card, made when it is asked for: ``bench.datasets.corpora.prepared.voicebank_demand``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from bench.core.errors import UserError, did_you_mean
from bench.datasets.corpora import stored
from bench.datasets.corpora.card import Card, card, names
from bench.datasets.files import check_count, checked_name
from bench.datasets.identity import Identity
from bench.datasets.paired_folder import Manifested, PairedFolder
from bench.datasets.scored import Scored


class Prepared(Manifested):
    """A split of a dataset that ``bench data prepare`` stored.

    Args:
        split: which one; by default "test".
        dir: the folder that it was prepared in; None: where ``bench data prepare`` puts it by itself.
        limit: the number of utterances to keep, from the first.
        name: in tables; by default the card's, and the split's if that is not "test".

    Raises:
        UserError: it is not prepared, half prepared, or another dataset or version lies there.
    """

    about: ClassVar[Card]

    def __init__(
        self, split: str = "test", dir: str | Path | None = None, limit: int | None = None, name: str | None = None
    ) -> None:
        card_name = self.about.name
        check_count(card_name, "limit", limit)
        self.folder = stored.home(card_name) if dir is None else Path(dir).expanduser()
        self._stored = stored.read_about(self.folder, self.about)
        if split not in self._stored.splits:
            raise did_you_mean(f"split of {card_name} in {self.folder}", str(split), self._stored.splits)
        own = card_name if split == "test" else f"{card_name}_{split}"
        self.split, self._limit = split, limit
        label = checked_name(card_name, own if name is None else name)
        manifest = self.folder / split / stored.MANIFEST
        if not manifest.is_file():
            raise UserError(f"{manifest}: missing; bench data verify {card_name} says what else is")
        self._recordings = PairedFolder(manifest=manifest, name=label, limit=limit)

    @property
    def corpora(self) -> tuple[str, ...]:
        return self.about.corpora

    def notes(self) -> list[str]:
        alone = replace(self._stored, splits={self.split: self._stored.splits[self.split]})
        return [*self._recordings.notes(), *self._stored.partial, *stored.miscounted(self.about, alone)]

    @property
    def scored(self) -> Scored:
        return self.about.scored(self.split, self._stored.splits[self.split].rates)

    def identity(self) -> Identity:
        """As it was stored; with a limit, that of what is kept."""
        whole = self._stored.splits[self.split]
        if self._limit is None:
            return whole
        return replace(super().identity(), resampler=whole.resampler, card=whole.card, split=whole.split)


def __getattr__(name: str) -> type[Prepared]:
    if name not in names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    about = card(name)
    doc = f"{about.summary}.\n\n{Prepared.__doc__.partition('.')[2].strip() if Prepared.__doc__ else ''}"
    made = type(name, (Prepared,), {"about": about, "__doc__": doc, "__module__": __name__})
    globals()[name] = made
    return made
