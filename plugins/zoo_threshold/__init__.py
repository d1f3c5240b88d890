"""``zoo runs threshold``: choose the confidence below which a model answers "not sure"."""
