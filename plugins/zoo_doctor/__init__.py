"""``zoo doctor``: what this installation is, what is wrong with it, and the command that mends it."""
