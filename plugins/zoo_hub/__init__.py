"""Share models: push them to a folder, an archive or the Hugging Face hub, and pull them."""
