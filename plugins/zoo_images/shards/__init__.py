"""The dataset ``webdataset``: images in tar files ("shards") of the library of that name, local or behind https.

Few large files are read and transferred faster than many small ones, and each process reads its own.
"""
