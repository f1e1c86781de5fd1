"""What a dataset is, by what it holds: two copies are the same exactly if their identities are equal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import numpy as np

from bench.core import audio
from bench.core.cache import cache_folder
from bench.core.errors import UserError
from bench.core.files import replacing
from bench.core.records import build, parse
from bench.core.types import Utterance

FULL_SCALE = 2**23


@dataclass(frozen=True)
class Identity:
    """A dataset's ids, audio, rates and resampler.

    Attributes:
        recordings: how many.
        ids: hash of the ids.
        content: hash of every recording's samples, to 24 bits, however they are stored.
        rates: sampling rates in Hz that occur.
        resampler: what brought recordings to these rates here; null: they lie there with them.
        card, split: of a prepared dataset.
        clips: the hash of each recording's samples, by id.
    """

    recordings: int
    ids: str
    content: str
    rates: tuple[int, ...]
    resampler: str | None = None
    card: str | None = None
    split: str | None = None
    clips: Mapping[str, str] = field(default_factory=dict)

    def short(self) -> dict[str, object]:
        """Without the clips, as it goes into a run's manifest."""
        return {name: value for name, value in asdict(self).items() if name != "clips"}


def clip_content(utterance: Utterance) -> str:
    """Hash of the samples of noisy and clean speech, to 24 bits, and of their rate."""
    digest = hashlib.sha256(str(utterance.sample_rate).encode())
    for signal in (utterance.noisy, utterance.clean):
        if signal is None:
            digest.update(b"none")
        else:
            digest.update(np.rint(signal.astype(np.float64) * FULL_SCALE).astype("<i4").tobytes())
    return digest.hexdigest()


def of_clips(clips: Mapping[str, str], rates: tuple[int, ...], resampler: str | None, **about: str) -> Identity:
    """The identity of recordings with these hashes."""
    return Identity(
        len(clips), hash_of(sorted(clips)), hash_of(sorted(clips.items())), rates, resampler, **about, clips=dict(clips)
    )


def hash_of(value: object) -> str:
    """SHA-256 of a value that JSON can write."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def kept_identity(fingerprint: str, identify: Callable[[], Identity]) -> Identity:
    """The identity of data with this fingerprint: from the cache, or computed and kept there where that can be."""
    path = cache_folder("identities") / f"{fingerprint}.json"
    try:
        kept: Identity = build(Identity, parse(path.read_text(encoding="utf-8")))
        return kept
    except (OSError, ValueError):
        found = identify()
        with suppress(UserError), replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(found)), encoding="utf-8")
        return found


class Identifying:
    """Collects the identity of a dataset, recording by recording."""

    def __init__(self) -> None:
        self._clips: dict[str, str] = {}
        self._rates: set[int] = set()
        self._resampled = False

    def add(self, name: str, utterance: Utterance | None) -> None:
        """A recording; None: it cannot be read."""
        self._clips[name] = "unreadable" if utterance is None else clip_content(utterance)
        if utterance is not None:
            self._rates.add(utterance.sample_rate)
            self._resampled |= utterance.resampled_from is not None or "clean_resampled_from" in utterance.tags

    def found(self) -> Identity:
        """The identity of what was added."""
        return of_clips(self._clips, tuple(sorted(self._rates)), audio.RESAMPLER if self._resampled else None)
