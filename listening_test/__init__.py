"""From a finished run to a listening test (see the issue tracker: not built yet)."""
