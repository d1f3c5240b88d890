"""Bundled optimizers and learning-rate schedules."""
