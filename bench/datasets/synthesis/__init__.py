"""Generated recordings: speech from a synthesiser, noise, rooms, and their mixtures.

Needs the extra ``synthesis`` (espeakng-loader, pyroomacoustics).
"""
