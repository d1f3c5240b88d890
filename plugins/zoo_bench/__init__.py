"""Benchmark networks: training and inference speed on this machine."""
