"""Speech enhancement methods behind one protocol; usable as a library on torch alone.

>>> from methods import create
>>> enhanced = create("storm").enhance(noisy, sample_rate=16000, steps=10, generator=0)
"""

from methods.base import METHODS, Enhanced, Method, create
from methods.checkpoints import from_checkpoint

__all__ = ["METHODS", "Enhanced", "Method", "create", "from_checkpoint"]
