"""Medical images for the zoo."""

__version__ = "0.1.2"
