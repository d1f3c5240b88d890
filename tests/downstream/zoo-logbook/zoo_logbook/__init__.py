"""A logbook of runs. The entry point is the object ``hooks``, not a module."""

from zoo_logbook.hooks import Hooks

hooks = Hooks()
