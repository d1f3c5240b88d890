"""From a request to a Job: layers, recipes, the facts that defaults follow, and the schema they are validated by."""
