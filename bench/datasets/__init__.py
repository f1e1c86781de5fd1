"""What is enhanced: named sets of recordings behind one contract."""

from bench.datasets.base import DATASETS, Dataset, create

__all__ = ["DATASETS", "Dataset", "create"]
