"""Resolution of requests to jobs: layers, recipes, dataset facts for defaults, and the validation schema."""
