"""``zoo predict --out``: predictions of any number of images, in constant memory, in files that can be resumed."""
