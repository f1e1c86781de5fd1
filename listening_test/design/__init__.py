"""Conditions, selection of clips, and the mapping from opaque names."""
