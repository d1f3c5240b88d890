"""Bundled datasets of images."""
