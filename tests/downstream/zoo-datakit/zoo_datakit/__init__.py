"""Annotation files and a model format for the zoo."""
