"""Plain exchanges without libcurl's HTTP, on connections that libcurl opens."""
