"""``zoo cache``: list the data kept between runs, and remove old entries."""
