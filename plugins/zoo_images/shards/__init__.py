"""``webdataset``: images in tar files ("shards"), on a disk or behind an https address, as the library of that name
lays them out. Few large files are read and sent faster than many small ones, and each process reads its own."""
