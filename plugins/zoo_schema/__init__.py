"""JSON schemas of job files and of registry.yaml: ``zoo schema``."""
