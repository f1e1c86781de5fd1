"""Checks before anything is computed: unused files, and methods that cannot process any recording."""

from __future__ import annotations

from bench.core.errors import UserError
from bench.datasets.base import Dataset
from bench.run.parts import Parts
from methods.base import Method


def preview(parts: Parts) -> list[str]:
    """Notes on the datasets and methods of a run, one line each.

    Raises:
        UserError: a method cannot process the recordings of any dataset.
    """
    datasets = [parts.dataset(label) for label in parts.datasets]
    notes = [*(note for dataset in datasets for note in dataset.notes()), *parts.scoring.remarks]
    for label in parts.methods:
        told = [_preview(parts.method(label), dataset) for dataset in datasets]
        refusals = [answer for answer in told if isinstance(answer, UserError)]
        if len(refusals) == len(datasets):
            raise refusals[0]
        notes += [note for answer in told for note in ([str(answer)] if isinstance(answer, UserError) else answer)]
    return list(dict.fromkeys(notes))


def _preview(method: Method, dataset: Dataset) -> list[str] | UserError:
    """A method's notes on a dataset; or the error if it cannot process it, fatal only if it is so for all datasets."""
    try:
        return method.preview(dataset.ids(), dataset.load)
    except UserError as error:
        return error
