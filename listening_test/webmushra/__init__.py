"""webMUSHRA's configuration, its server, and the answers that it stores."""
