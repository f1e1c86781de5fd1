"""What changed between two stored runs: parts and their settings, weights, metric versions, recordings, machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from results.store.merge import Stored

_ASPECTS = {
    "method": ("methods", ("name", "options", "provenance")),
    "dataset": ("datasets", ("name", "options", "fingerprint")),
    "metric": ("metrics", ("name", "options", "provenance", "version")),
}
"""Of each kind of part: its key in the manifest, and what makes it what it is."""

_SESSION = ("git", "versions", "machine")
_ASKED = ("limit", "draw", "steps", "seeds", "batch", "precision", "compile", "piece")
"""Keys of a run's configuration that decide what is computed, beside the parts themselves."""


@dataclass(frozen=True)
class Change:
    """One difference. ``before`` or ``after`` is None where there is nothing of the kind.

    Attributes:
        kind: "method", "dataset", "metric", "recordings", "computing" or "session".
        name: of the part.
        what: the setting's path, as ``provenance.weights_sha256``; empty for the part itself.
    """

    kind: str
    name: str
    what: str
    before: Any
    after: Any

    @property
    def line(self) -> str:
        """The change as a sentence."""
        whole = " ".join(filter(None, [self.kind, self.name]))
        if not self.what and self.before is None:
            return f"{whole}: only in the second run"
        if not self.what and self.after is None:
            return f"{whole}: only in the first run"
        return f"{whole}: {f'{self.what} ' if self.what else ''}{_short(self.before)} -> {_short(self.after)}"


def changes(first: Stored, second: Stored, pairs: Mapping[str, str] | None = None) -> list[Change]:
    """Every difference between two runs, in the order of ``_ASPECTS``, then recordings, computing and sessions.

    Args:
        pairs: methods of the first run and what they are called in the second, where that differs.
    """
    found: list[Change] = []
    for kind, (group, aspects) in _ASPECTS.items():
        renamed = pairs or {} if kind == "method" else {}
        found += _parts(kind, first.manifest[group], second.manifest[group], aspects, renamed)
    return [*found, *_recordings(first, second), *_computing(first, second, pairs or {}), *_sessions(first, second)]


def differences(before: Any, after: Any, path: Sequence[str] = ()) -> Iterator[tuple[str, Any, Any]]:
    """The settings in which two nested mappings differ: path, both values (None where there is none)."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from differences(before.get(key), after.get(key), (*path, str(key)))
    elif before != after:
        yield ".".join(path), before, after


def _parts(
    kind: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    aspects: Sequence[str],
    renamed: Mapping[str, str],
) -> Iterator[Change]:
    partners = {label: renamed.get(label, label) for label in before}
    for label, partner in partners.items():
        if partner not in after:
            yield Change(kind, label, "", label, None)
            continue
        shown = label if partner == label else f"{label} / {partner}"
        was, now = ({aspect: part.get(aspect) for aspect in aspects} for part in (before[label], after[partner]))
        for what, old, new in differences(was, now):
            yield Change(kind, shown, what, old, new)
    yield from (Change(kind, label, "", None, label) for label in after if label not in partners.values())


def _recordings(first: Stored, second: Stored) -> Iterator[Change]:
    """Datasets of both runs of which they have different recordings."""
    clips = [_clips(run) for run in (first, second)]
    for dataset in clips[0].keys() & clips[1].keys():
        before, after = (found[dataset] for found in clips)
        if before != after:
            told = f"{len(before & after)} in common;"
            yield Change("recordings", f"of {dataset}", told, len(before), len(after))


def _clips(run: Stored) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in run.rows:
        found.setdefault(key.dataset, set()).add(key.utterance)
    return found


def _computing(first: Stored, second: Stored, pairs: Mapping[str, str]) -> Iterator[Change]:
    """How rows of methods of both runs were computed: device, threads, precision, batch."""
    before, after = _computed(first), _computed(second)
    for label in before.keys() & {label for label in before if pairs.get(label, label) in after}:
        for what, old, new in differences(before[label], after[pairs.get(label, label)]):
            yield Change("computing", label, what, old, new)


def _computed(run: Stored) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, set[str]]] = {}
    for key, row in run.rows.items():
        of_method = found.setdefault(key.method, {})
        for name, value in {"device": row.device, "threads": row.threads, **row.computing}.items():
            of_method.setdefault(name, set()).add(str(value))
    return {
        method: {name: ", ".join(sorted(values)) for name, values in of_method.items()}
        for method, of_method in found.items()
    }


def _sessions(first: Stored, second: Stored) -> Iterator[Change]:
    """The last session of each: revision, packages, machine and what was asked for."""
    last = [run.manifest["sessions"][-1] if run.manifest["sessions"] else {} for run in (first, second)]
    for name in _SESSION:
        for what, old, new in differences(last[0].get(name), last[1].get(name), (name,)):
            yield Change("session", "", what, old, new)
    was, now = ({key: value for key, value in one.get("config", {}).items() if key in _ASKED} for one in last)
    for what, old, new in differences(was, now):
        yield Change("session", "", what, old, new)


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    if len(text) == 64 and all(digit in "0123456789abcdef" for digit in text):
        return text[:12]
    return text if len(text) <= 120 else f"{text[:117]}..."
