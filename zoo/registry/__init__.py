"""Components of all plugins, found by kind and name."""
