"""Metrics by group of images, such as by camera, clinic or skin type."""
