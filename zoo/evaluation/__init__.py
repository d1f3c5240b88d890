"""Measure trained models, and compare them."""
