"""``zoo data check`` and ``zoo data stats``: what is wrong with a dataset, found before anything is trained on it."""
