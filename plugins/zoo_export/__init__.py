"""Bundled plugin of the zoo."""
