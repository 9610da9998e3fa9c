"""Scopes: what a service may do (contract.md, "Services")."""

PRESENCE_READ = "presence:read"
HISTORY_READ = "history:read"
PRESENCE_WRITE = "presence:write"
DIRECTORY_WRITE = "directory:write"
SCOPES = (PRESENCE_READ, HISTORY_READ, PRESENCE_WRITE, DIRECTORY_WRITE)

# Of a call that any service may make, which then has its own answer for them.
ANY = "any"
# What the challenge names where no scope is enough.
PERSON = "person"
