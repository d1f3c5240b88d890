"""The plugin host: discovery, loading, isolation, installation and enabling of plugins."""
