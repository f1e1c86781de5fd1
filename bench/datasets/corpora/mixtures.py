"""Datasets that are mixed from speech, noise and rooms: the general recipe, and corpora by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, TypeVar

from bench.core.errors import UserError
from bench.core.seeds import stable_seed
from bench.datasets.corpora import noise, speech
from bench.datasets.corpora.card import Card
from bench.datasets.corpora.jobs import Job, Plan, parameters
from bench.datasets.corpora.speech import Splits
from bench.datasets.mixed_folders import noises_in, speech_in
from bench.datasets.recipes import recordings
from bench.datasets.recipes.mix import Draws, Mixer, Source

T = TypeVar("T")


@dataclass(frozen=True)
class Options(Draws):
    """Of the recipe: what a mixture depends on (``Draws``), and what recordings there are.

    Attributes:
        corpus: whose layout the speech has: wsj0, timit, ears; "folder": any.
        train_regions, valid_regions, test_regions: dialect regions of TIMIT.
        shares: of any folder's speakers, noise recordings and rooms: for training and for validation; the rest tests.
        disjoint: of CHiME3, whose recordings the papers use in every split: give each split its own part in time.
        bits: of a sample of the stored recordings.
    """

    corpus: Literal["wsj0", "timit", "ears", "folder"] = "folder"
    train_regions: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    valid_regions: tuple[int, ...] = (7,)
    test_regions: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    shares: tuple[float, ...] = (0.0, 0.0)
    disjoint: bool = False
    bits: int = 16

    def draws(self) -> Draws:
        """What of these a mixture depends on."""
        return Draws(**{field.name: getattr(self, field.name) for field in fields(Draws)})


def plan(card: Card, folders: Mapping[str, Path], options: Options) -> Plan:
    """A recording for every recording of the speech, in its split.

    Raises:
        UserError: a corpus is incomplete, or there are fewer speakers, noises or rooms than splits.
    """
    spoken, notes = _speech(folders, options)
    splits = list(spoken)
    noises = _noises(folders, options, splits)
    responses = _responses(folders, options, splits)
    changed = options.t60 is not None or options.distortions or options.low_pass
    if not any(noises.values()) and not any(responses.values()) and not changed:
        raise UserError(f"{card.name}: nothing to mix the speech with; give noise=FOLDER, responses=FOLDER or t60")
    mixers = {
        split: Mixer(spoken[split], noises.get(split, []), options.draws(), responses.get(split, []))
        for split in splits
    }
    jobs = [Job(split, name, mixer) for split, mixer in mixers.items() for name in sorted(mixer.speech)]
    return Plan(card, jobs, parameters(options), options.bits, notes)


def _speech(folders: Mapping[str, Path], options: Options) -> tuple[Splits, list[str]]:
    if options.corpus == "wsj0":
        return speech.wsj0(folders["wsj0"]), []
    if options.corpus == "timit":
        regions = options.train_regions, options.valid_regions, options.test_regions
        return speech.timit(folders["timit"], *regions), []
    if options.corpus == "ears":
        return speech.ears(folders["ears"]), []
    found, notes = speech_in(folders["speech"])
    owners = {name: recordings.speaker(Path(name)) for name in found}
    return divided("speakers", found, owners, options.shares), notes


def _noises(folders: Mapping[str, Path], options: Options, splits: Sequence[str]) -> Mapping[str, Sequence[Source]]:
    if "chime3" in folders:
        everything = noise.chime3(folders["chime3"])
        if options.disjoint:
            return noise.shared_out(everything, {"train": 0.8, "valid": 0.1, "test": 0.1})
        return dict.fromkeys(splits, everything)
    return _sources(folders, "noise", recordings.noise_recording, options)


def _responses(folders: Mapping[str, Path], options: Options, splits: Sequence[str]) -> Mapping[str, Sequence[Source]]:
    return _sources(folders, "responses", recordings.room, options)


def _sources(
    folders: Mapping[str, Path], key: str, owner: Callable[[Path], str], options: Options
) -> Mapping[str, Sequence[Source]]:
    if key not in folders:
        return {}
    found = {source.name: source for source in noises_in(folders[key])[0]}
    if key == "responses":
        found = {name: Source(name, source.file) for name, source in found.items()}
    what = {"noise": "noise recordings", "responses": "rooms"}[key]
    parts = divided(what, found, {name: owner(Path(name)) for name in found}, options.shares)
    return {split: list(part.values()) for split, part in parts.items()}


def divided(
    what: str, found: Mapping[str, T], owners: Mapping[str, str], shares: Sequence[float]
) -> dict[str, dict[str, T]]:
    """What was found, by split; no owner (speaker, noise recording, room) is in two.

    The owners with the smallest hashes train, the next validate: a new file moves at most the edges.

    Args:
        shares: of the owners that train and that validate; 0: there is no such split.

    Raises:
        UserError: there are fewer owners than splits, or the shares leave nothing to test with.
    """
    if len(shares) != 2 or min(shares) < 0 or sum(shares) >= 1:
        raise UserError(f"shares must be [training, validation], below 1 together, got {list(shares)}")
    wanted = {"train": shares[0], "valid": shares[1], "test": 1 - sum(shares)}
    wanted = {split: share for split, share in wanted.items() if share > 0}
    ranked = sorted(set(owners.values()), key=lambda owner: (stable_seed("split", owner), owner))
    if len(ranked) < len(wanted):
        raise UserError(f"{len(ranked)} {what} cannot be divided among {len(wanted)} splits that share none; add some")
    split_of: dict[str, str] = {}
    left = len(ranked)
    for place, (split, share) in enumerate(wanted.items()):
        later = len(wanted) - place - 1
        count = left - later if not later else min(left - later, max(1, round(share * len(ranked))))
        for owner in ranked[len(ranked) - left :][:count]:
            split_of[owner] = split
        left -= count
    return {split: {name: one for name, one in found.items() if split_of[owners[name]] == split} for split in wanted}
