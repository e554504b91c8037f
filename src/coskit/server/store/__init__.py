"""Where buckets and objects live: an index, immutable blobs, and the order of writes."""
