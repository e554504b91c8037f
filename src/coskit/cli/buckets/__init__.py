"""Commands that make, change and remove buckets, and that care for unfinished uploads."""
