"""Bundled augmentations."""
