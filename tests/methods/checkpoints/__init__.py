"""Checkpoints of the reference projects."""
