"""The archive: blobs, catalogue, jobs, and the one object over them."""
