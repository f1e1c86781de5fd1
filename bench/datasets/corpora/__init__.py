"""Datasets made from the user's copies of corpora, once, into a stored form: a card and a recipe each."""
