"""Neural networks that the methods are built on."""

from methods.backbones.base import BACKBONES, Backbone, Network
from methods.backbones.ncsnpp import NCSNpp

__all__ = ["BACKBONES", "Backbone", "NCSNpp", "Network"]
