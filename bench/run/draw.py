"""Draw some of a dataset's recordings: balanced over speakers and SNRs, the same ones every time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from bench.core.seeds import stable_seed
from bench.core.types import Tag

SPEAKER_TAGS = ("speaker", "speaker_id", "talker")
SNR_TAGS = ("snr", "snr_db")
SNR_LEVELS = 4
"""SNRs of more different values than twice this are taken in so many levels of equal size."""


def draw(dataset: str, tags: Mapping[str, Mapping[str, Tag]], count: int) -> list[str]:
    """The ids of at most ``count`` recordings, in the dataset's order.

    Recording by recording, it is one of the stratum (speaker and SNR) that has the fewest so far, then of the speaker,
    then of the SNR that has; which one of them is decided by a hash of the names. So a larger draw contains a smaller
    one, and a draw depends on nothing but the names and tags.

    Args:
        dataset: its name; two datasets with the same ids are drawn from differently.
        tags: of every recording, by id, in order.
    """
    if count >= len(tags):
        return list(tags)
    levels = _levels({name: snr for name, own in tags.items() if (snr := _first(own, SNR_TAGS)) is not None})
    strata: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, own in tags.items():
        strata[str(_first(own, SPEAKER_TAGS)), levels.get(name, "")].append(name)
    for stratum in strata.values():
        stratum.sort(key=lambda name: stable_seed("draw", dataset, name), reverse=True)
    order = {stratum: stable_seed("draw", dataset, *stratum) for stratum in strata}
    taken: Counter[object] = Counter()
    drawn = set()
    for _ in range(count):
        left = (stratum for stratum, names in strata.items() if names)
        speaker, level = chosen = min(
            left, key=lambda s: (taken[s], taken["speaker", s[0]], taken["snr", s[1]], order[s])
        )
        taken.update([chosen, ("speaker", speaker), ("snr", level)])
        drawn.add(strata[chosen].pop())
    return [name for name in tags if name in drawn]


def _first(tags: Mapping[str, Tag], names: Sequence[str]) -> Tag | None:
    """The tag with the first of these names, in any case."""
    folded = {name.casefold(): value for name, value in tags.items()}
    return next((folded[name] for name in names if name in folded), None)


def _levels(snrs: Mapping[str, Tag]) -> dict[str, str]:
    """Each recording's SNR, or the level that it falls into."""
    if len(set(snrs.values())) <= 2 * SNR_LEVELS or any(isinstance(snr, str) for snr in snrs.values()):
        return {name: str(snr) for name, snr in snrs.items()}
    ranked = sorted(snrs, key=lambda name: (float(snrs[name]), name))
    return {name: str(rank * SNR_LEVELS // len(ranked)) for rank, name in enumerate(ranked)}
