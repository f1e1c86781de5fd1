"""A run as one HTML page, to look at and to listen to."""
