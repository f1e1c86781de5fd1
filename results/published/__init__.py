"""Published figures, as data with their source, and whether stored runs reproduce them."""
