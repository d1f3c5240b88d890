"""The plugin host: find, load, isolate, install and turn off plugins."""
