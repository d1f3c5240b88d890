"""Networks: construction from components, bundles, and inference."""
