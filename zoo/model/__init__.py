"""Networks: built from components, kept as bundles, and used."""
