"""Registry of the components of all plugins, by kind and name."""
