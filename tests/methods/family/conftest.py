"""What these tests may ask for."""

from tests.methods.family.reference2 import reference2

__all__ = ["reference2"]
