"""The client of COS-compatible services, in two worlds: async is the source, sync its twin."""
