"""Recordings, speakers, noises and rooms that are in a training and in a test set, found by content and by name."""
