"""Samplers: choice and order of the images of each epoch."""
