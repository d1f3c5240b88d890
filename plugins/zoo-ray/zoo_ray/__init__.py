"""Runs, sweeps and predictions of the zoo on a Ray cluster."""
