"""The keys of trusted issuers: read in the background, checked, and kept in the database."""
