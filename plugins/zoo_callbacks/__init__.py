"""Callbacks that a job can name: stop at a value, record gradient norms, keep weights of several epochs."""
