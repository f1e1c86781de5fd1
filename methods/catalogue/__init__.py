"""Other people's weights: where they are had, under which licence, and the copies that were fetched."""
