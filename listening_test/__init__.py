"""Listening tests made from stored runs: clips chosen, stimuli made, webMUSHRA served, ratings read and analysed."""
