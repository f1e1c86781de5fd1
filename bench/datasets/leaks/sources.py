"""What a training or a test set is made of: recordings with their prints, speakers, noises, rooms; stored compactly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bench.core.errors import UserError
from bench.core.files import replacing
from bench.core.types import Utterance
from bench.datasets.leaks.prints import (
    FORMAT,
    HOP,
    RESPONSE,
    SHIFTS,
    response_print,
    response_prints,
    room_between,
    sound_print,
)

Kind = Literal["clip", "noise", "room"]
SUFFIX = ".sources.npz"
"""Of the file beside a weights file."""

OWNERS = {"clip": ("speech", "speakers"), "noise": ("noise", "noise recordings"), "room": ("responses", "rooms")}
MOST_NAMES = 300
"""Of a kind, in a model card."""


@dataclass(frozen=True)
class Source:
    """A recording.

    Attributes:
        name: of the recording, or of the utterance that holds it.
        owner: the speaker, noise recording or room that it is of; "": not known.
        print: of its sound, or of the response.
    """

    kind: Kind
    name: str
    owner: str
    print: np.ndarray[Any, Any] = field(repr=False)


@dataclass(frozen=True)
class Sources:
    """What a training or a test set is made of.

    Attributes:
        corpora: where it is from, if that is known.
        prints: whether it has prints of today's format; else only its names can be compared.
    """

    items: Sequence[Source]
    corpora: tuple[str, ...] = ()
    prints: bool = True


def of_utterance(utterance: Utterance, look_up: bool = True) -> list[Source]:
    """What a recording is made of: its clean speech, the noise and the room that lie between it and the noisy one.

    Args:
        look_up: the prints are dense, to be looked up in a training's; else they are those of a training.
    """
    tags, rate, hop = utterance.tags, utterance.sample_rate, HOP // SHIFTS if look_up else HOP
    speech = utterance.clean if utterance.clean is not None else utterance.noisy
    speaker, noise, room = (str(tags.get(tag, "")) for tag in ("speaker", "noise", "room"))
    found = [Source("clip", utterance.id, speaker, sound_print(speech, rate, hop))]
    if utterance.clean is None:
        return found
    rest = utterance.noisy - utterance.clean
    in_room = "t60" in tags or "room" in tags
    if rest.any() and not (in_room and "snr" not in tags):
        found.append(Source("noise", utterance.id, noise, sound_print(rest, rate, hop)))
    if in_room:
        response = room_between(utterance.clean, utterance.noisy, rate)
        found.append(
            Source("room", utterance.id, room, (response_prints if look_up else response_print)(response, rate))
        )
    return found


def write(path: Path, sources: Sources) -> None:
    """Store prints, names and owners in one compressed file.

    Raises:
        UserError: it cannot be written.
    """
    about = {
        "format": FORMAT,
        "corpora": list(sources.corpora),
        "items": [[one.kind, one.name, one.owner, one.print.size] for one in sources.items],
    }
    sounds = [one.print for one in sources.items if one.kind != "room"]
    rooms = [one.print for one in sources.items if one.kind == "room"]
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            about=np.frombuffer(json.dumps(about).encode(), np.uint8),
            sounds=np.concatenate([np.zeros(0, np.uint32), *sounds]),
            rooms=np.concatenate([np.zeros(0, np.int8), *(print_.ravel() for print_ in rooms)]),
        )


def read(path: Path) -> Sources:
    """What ``write`` stored.

    Raises:
        UserError: it is damaged, or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            left = {"sound": stored["sounds"], "room": stored["rooms"]}
        known = about.get("format") == FORMAT
        items = []
        for kind, name, owner, size in about["items"]:
            which = "room" if kind == "room" else "sound"
            own, left[which] = left[which][: size * known], left[which][size:]
            items.append(Source(kind, name, owner, own.reshape(-1, RESPONSE) if kind == "room" else own))
        return Sources(items, tuple(about["corpora"]), known)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the sources of a training ({error}); put the original back") from None


def told(weights: Path) -> list[str]:
    """What lies in the file beside a weights file, for a model card: a line for each kind; empty if there is none.

    Raises:
        UserError: it is damaged, or something else.
    """
    if not beside(weights).is_file():
        return []
    known = read(beside(weights))
    lines = [f"corpora: {', '.join(known.corpora)}"] if known.corpora else []
    for kind, (what, owners) in OWNERS.items():
        recordings = [one for one in known.items if one.kind == kind]
        names = sorted({one.owner for one in recordings if one.owner})
        if recordings:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            lines.append(f"{what}: {len(recordings)}; {owners}, {len(names)}: {', '.join(names[:MOST_NAMES])}{more}")
    return lines


def beside(weights: Path) -> Path:
    """Where the sources of a training lie: beside its weights."""
    return weights.with_name(weights.stem + SUFFIX)


def tells(owner: str) -> bool:
    """Whether a name tells who it is even where the corpus is not known: p226 and 1688 do, 01, anna and male do not."""
    return len(owner) >= 4 and re.search(r"\d", owner) is not None and re.fullmatch(r"\D*0*\d", owner) is None


def joined(parts: Iterable[Sources]) -> Sources:
    """Several as one."""
    listed = list(parts)
    corpora = dict.fromkeys(corpus for part in listed for corpus in part.corpora)
    items = [item for part in listed for item in part.items]
    return Sources(items, tuple(corpora), all(part.prints for part in listed))
