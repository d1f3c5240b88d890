"""Serve a trained model over HTTP, with dynamic batching."""
