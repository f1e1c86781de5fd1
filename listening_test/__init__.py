"""Listening tests from stored runs: selection of clips, stimuli, webMUSHRA, import and analysis of ratings."""
