"""Bundled plugin for timm's models."""
