"""Distances between waveforms or spectra of the clean and the enhanced speech."""
