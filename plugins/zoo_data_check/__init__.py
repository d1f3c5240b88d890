"""``zoo data check`` and ``zoo data stats``: find defects of a dataset before training."""
