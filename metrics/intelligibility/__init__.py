"""Intelligibility and content: STOI, word error rate, phoneme similarity."""
