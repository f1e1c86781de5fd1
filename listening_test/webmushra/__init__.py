"""webMUSHRA's configuration, server, and stored answers."""
