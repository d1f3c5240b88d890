"""Bundled exporters and importers."""
