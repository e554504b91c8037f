"""Who may do what: ACLs, policies, ownership, object lock."""
