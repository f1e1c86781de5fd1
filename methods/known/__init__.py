"""Known systems that were not trained here: the classical ones written here, the others with their authors' weights."""
