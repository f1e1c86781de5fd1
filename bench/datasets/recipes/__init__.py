"""Recordings mixed from speech, noise and rooms."""
