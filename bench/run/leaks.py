"""Recordings of a run that are in the training of its methods' weights: found before, told in their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.core.errors import UserError
from bench.core.names import examples
from bench.core.notes import show
from bench.datasets.base import Dataset
from bench.datasets.leaks.search import Leak, Training
from bench.datasets.leaks.sources import Source, beside, of_utterance, read
from bench.run.parts import Parts
from methods.base import Method
from results.store.folder import Store

Leaks = Mapping[tuple[str, str], Sequence[Leak]]
"""By the labels of method and dataset."""


def leaks(parts: Parts) -> Leaks:
    """What is in a method's training and in a dataset, by content and by name.

    A training that ``bench train`` did is known by the sources beside its weights, another by the corpora that its
    method declares.
    """
    trainings = {label: one for label in parts.methods if (one := _training(parts, label)) is not None}
    declared = {label: _declared(parts.method(label)) for label in parts.methods}
    found: dict[tuple[str, str], list[Leak]] = {}
    for data in parts.datasets:
        dataset = parts.dataset(data)
        tests = _sources(dataset) if trainings else []
        for label in parts.methods:
            known = list(trainings[label].leaks(tests, dataset.corpora)) if label in trainings else []
            known += [
                Leak("corpus", name, corpus, "name")
                for corpus in _shared(declared[label], dataset.corpora)
                for name in dataset.ids()
            ]
            if known:
                found[label, data] = known
    return found


def remarks(found: Leaks) -> list[str]:
    """A line for each method, dataset and kind."""
    lines = []
    for (method, dataset), known in found.items():
        for what, count in Counter(leak.what for leak in known).items():
            shown = [f"{leak.utterance} ({leak.trained}, by {leak.how})" for leak in known if leak.what == what]
            lines.append(
                f"{method} was trained on what {dataset} tests: the {what} of {count} recordings: {examples(shown)}"
            )
    return lines


def note(store: Store, found: Leaks) -> None:
    """Add the findings to the stored rows that lack them."""
    said: dict[tuple[str, str, str], dict[str, str]] = {}
    for (method, dataset), known in found.items():
        for leak in known:
            said.setdefault((method, dataset, leak.utterance), {})[f"seen_{leak.what}"] = leak.trained
    for key, row in store.rows().items() if said else ():
        new = said.get((key.method, key.dataset, key.utterance), {})
        if any(row.findings.get(name) != value for name, value in new.items()):
            store.append(replace(row, findings={**row.findings, **new}))


def _training(parts: Parts, label: str) -> Training | None:
    """The sources beside the method's weights, if there are any."""
    checkpoint = parts.methods[label].options.get("checkpoint")
    path = beside(Path(str(checkpoint)).expanduser()) if checkpoint else None
    if path is None or not path.is_file():
        return None
    found = Training(read(path))
    if not found.sources.prints:
        show([f"{label}: {path}: of another version: names are compared, recordings are not"])
    return found


def _declared(method: Method) -> Sequence[str]:
    training = method.provenance().get("training")
    return [str(corpus) for corpus in training] if isinstance(training, (list, tuple)) else []


def _shared(declared: Sequence[str], corpora: Sequence[str]) -> list[str]:
    """Corpora of the dataset among those declared: 'DNS Challenge' is in 'DNS Challenge 3'."""
    return [one for one in corpora if any(one.casefold() in other.casefold() for other in declared)]


def _sources(dataset: Dataset) -> list[Source]:
    return [source for name in dataset.ids() for source in _of(dataset, name)]


def _of(dataset: Dataset, name: str) -> list[Source]:
    try:
        return of_utterance(dataset.load(name))
    except UserError:  # its rows say why
        return []
