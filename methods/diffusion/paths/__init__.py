"""Probability paths from clean speech to noisy speech: one file per family, registered by name."""

from methods.diffusion.paths.base import PATHS, SDE, Path, Perturbed, ReadNumber, path_from, per_item
from methods.diffusion.paths.ornstein_uhlenbeck import OUVE, OUVP
from methods.diffusion.paths.schroedinger_bridge import SBVE

__all__ = ["OUVE", "OUVP", "PATHS", "SBVE", "SDE", "Path", "Perturbed", "ReadNumber", "path_from", "per_item"]
