"""Probability paths, score models and samplers."""
