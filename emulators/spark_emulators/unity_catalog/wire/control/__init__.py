"""Who is who, over HTTP: tokens, and users, groups and service principals by SCIM 2."""
