"""Documents that a bucket or an object has: ACLs, policies, CORS, lifecycle, restore."""
