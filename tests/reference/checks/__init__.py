"""How each of the reference's files is reproduced; importing this enters them all."""

from tests.reference.checks import enhance, layers, losses, metrics, networks, samplers, sdes, spectral

__all__ = ["enhance", "layers", "losses", "metrics", "networks", "samplers", "sdes", "spectral"]
