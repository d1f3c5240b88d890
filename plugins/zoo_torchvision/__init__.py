"""Bundled plugin for torchvision's models and datasets."""
