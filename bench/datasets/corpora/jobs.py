"""A dataset that can be prepared: its recordings, each with the job that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from bench.core.errors import UserError, did_you_mean
from bench.core.types import Tag, Utterance
from bench.datasets.corpora.card import Card
from bench.datasets.identity import hash_of


@dataclass(frozen=True)
class Made:
    """A recording, and what it was made of: files, positions, gains."""

    utterance: Utterance
    details: Mapping[str, Tag] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """How one recording is made; ``make`` is a function at a module's top, or a method of something that pickles."""

    split: str
    id: str
    make: Callable[[str], Made | None]

    def __call__(self) -> Made | None:
        """The recording; None if the recipe leaves it out, once its audio is seen."""
        return self.make(self.id)


@dataclass(frozen=True)
class Plan:
    """A dataset that can be prepared.

    Attributes:
        parameters: everything that the recordings depend on beside the corpora, as JSON can write it.
        bits: of the stored samples.
        partial: what is missing of the corpora, where that was accepted.
    """

    card: Card
    jobs: Sequence[Job]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    bits: int = 16
    notes: Sequence[str] = ()
    partial: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.bits not in (16, 24):
            raise UserError(f"bits must be 16 or 24, got {self.bits}")

    @cached_property
    def key(self) -> str:
        """Changes with the parameters, and with the recordings."""
        listed = [[job.split, job.id] for job in self.jobs]
        return hash_of([self.card.name, self.card.revision, dict(self.parameters), self.bits, listed])

    def only(self, splits: Sequence[str]) -> Plan:
        """The plan of these splits alone.

        Raises:
            UserError: there is no such split.
        """
        known = dict.fromkeys(job.split for job in self.jobs)
        for split in splits:
            if split not in known:
                refused = did_you_mean(f"split of {self.card.name}", str(split), known)
                raise UserError("; ".join([str(refused), *self.notes]))
        jobs = [job for job in self.jobs if job.split in splits]
        return replace(self, jobs=jobs, parameters={**self.parameters, "splits": list(splits)})


def parameters(options: Any) -> dict[str, Any]:
    """A recipe's options, a dataclass, as they are stored: by name, in alphabetical order."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in sorted(asdict(options).items())}
