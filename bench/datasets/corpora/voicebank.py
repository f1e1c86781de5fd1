"""VoiceBank/DEMAND (Valentini-Botinhao 2017), as it is downloaded: zip files, or folders of their names, at 48 kHz.

``clean_testset_wav``, ``noisy_testset_wav``, ``testset_txt``; ``clean_trainset_28spk_wav`` and so on; and the logs
``log_testset.txt`` and ``log_trainset_28spk.txt``, in ``logfiles.zip`` or beside the others: a line
"p232_001 bus 17.5" for each file. Two of the 28 speakers validate, as in SGMSE+ and StoRM: p226 and p287.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import UserError
from bench.core.types import Tag
from bench.datasets.corpora import raw
from bench.datasets.corpora.card import Card
from bench.datasets.corpora.jobs import Job, Plan, parameters
from bench.datasets.corpora.pairs import Pair, matched
from bench.datasets.corpora.raw import RawFile

RATE = 48000
"""Of the download, in Hz."""


@dataclass(frozen=True)
class Options:
    """How it is prepared.

    Attributes:
        rate: of what is stored, in Hz.
        validation: speakers of the training set that validate.
        source_rate: accept a copy that others resampled to this rate in Hz.
        partial: accept a copy that lacks files.
    """

    rate: int = 16000
    validation: tuple[str, ...] = ("p226", "p287")
    source_rate: int | None = None
    partial: bool = False


@dataclass(frozen=True)
class _Set:
    """The test or the training set: its name in the download, and how many files it has (the card says from where)."""

    name: str
    count: int


def plan(card: Card, folders: Mapping[str, Path], options: Options) -> Plan:
    """Every pair of the sets that are there.

    Raises:
        UserError: a set is incomplete, renamed, or of another rate.
    """
    folder = folders["voicebank"]
    sets = {"train": _Set("trainset_28spk", card.counts["train+valid"]), "test": _Set("testset", card.counts["test"])}
    here = {split: own for split, own in sets.items() if raw.has(folder, f"noisy_{own.name}_wav")}
    if not here:
        raw.part(folder, "noisy_testset_wav")  # says what is there instead
    jobs, notes = [], list[str]()
    for split, own in here.items():
        noisy, clean = (raw.part(folder, f"{side}_{own.name}_wav") for side in ("noisy", "clean"))
        raw.check_rate(noisy[0], RATE, options.source_rate)
        pairs = matched(noisy, clean)
        notes += raw.check_count(f"{folder}: noisy_{own.name}_wav", len(pairs), own.count, options.partial)
        spoken, logged = _transcripts(folder, own), _log(folder, own)
        for name, (noisy_file, clean_file) in pairs.items():
            speaker = name.partition("_")[0]
            tags: dict[str, Tag] = {"speaker": speaker, **logged.get(name, {})}
            where = "valid" if split == "train" and speaker in options.validation else split
            jobs.append(Job(where, name, Pair(noisy_file, clean_file, options.rate, spoken.get(name), tags)))
        for what, found in (("transcripts", spoken), ("log entries", logged)):
            if lacking := len(pairs.keys() - found.keys()):
                notes.append(f"{folder}: no {what} for {lacking} of {len(pairs)} files of the {own.name}")
    jobs.sort(key=lambda job: (("train", "valid", "test").index(job.split), job.id))
    return Plan(card, jobs, parameters(options), notes=notes, partial=tuple(note for note in notes if " of " in note))


def _transcripts(folder: Path, own: _Set) -> dict[str, str]:
    name = f"{own.name}_txt"
    if not raw.has(folder, name):
        return {}
    return {file.stem: " ".join(file.text().split()) for file in raw.part(folder, name, (".txt",))}


def _log(folder: Path, own: _Set) -> dict[str, dict[str, Tag]]:
    """Noise type and SNR in dB of each file; empty if there is no log."""
    name = f"log_{own.name}.txt"
    places = [RawFile(path) for path in (folder / name, folder / "logfiles" / name) if path.is_file()]
    if not places and raw.has(folder, "logfiles"):
        places = [file for file in raw.part(folder, "logfiles", (".txt",)) if f"{file.stem}.txt" == name]
    found: dict[str, dict[str, Tag]] = {}
    for number, line in enumerate(places[0].text().splitlines() if places else (), start=1):
        match line.split():
            case []:
                continue
            case [clip, noise, snr]:
                found[clip.removesuffix(".wav")] = {"noise_type": noise, "snr": _number(places[0], number, snr)}
            case _:
                raise UserError(
                    f"{places[0]}, line {number}: expected a file, its noise and its SNR, got {line[:80]!r}"
                )
    return found


def _number(file: RawFile, line: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{file}, line {line}: the SNR is {text!r}, not a number") from None
