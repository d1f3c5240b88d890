"""Public: the parts that the zoo's own reports are made of, for those of plugins."""
