"""Small networks to train from scratch."""
