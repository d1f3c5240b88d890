"""Write plugin packages: ``zoo plugins new NAME``."""
