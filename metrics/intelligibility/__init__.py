"""How much of the speech can be understood."""
