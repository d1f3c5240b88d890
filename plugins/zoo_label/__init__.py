"""``zoo label``: label pictures on a local page, with a model that chooses the next ones."""
