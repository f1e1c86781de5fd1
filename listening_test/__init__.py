"""Listening tests made from stored runs: their room, still empty."""
