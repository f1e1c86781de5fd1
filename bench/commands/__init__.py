"""A file a command of the command line."""
