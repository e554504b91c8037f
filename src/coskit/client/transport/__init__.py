"""HTTP over libcurl: requests, connections and responses."""
