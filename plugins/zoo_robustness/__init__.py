"""Accuracy on corrupted images: the fifteen kinds of ImageNet-C at five strengths."""
