"""Files on the disk: whole or not at all, found by name, kept in a cache."""
