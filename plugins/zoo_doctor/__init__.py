"""``zoo doctor``: check the installation, and suggest commands that fix its problems."""
