"""Datasets: named sets of recordings with a common interface."""

from bench.datasets.base import DATASETS, Dataset, create

__all__ = ["DATASETS", "Dataset", "create"]
