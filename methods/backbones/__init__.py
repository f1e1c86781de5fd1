"""Neural networks that the methods are built on."""

from methods.backbones.ncsnpp import NCSNpp

__all__ = ["NCSNpp"]
