"""Access control: ACLs, policies, ownership, object lock."""
