"""Predict the classes of pictures: files, folders, patterns and addresses; answers as a table, pictures or a page."""
