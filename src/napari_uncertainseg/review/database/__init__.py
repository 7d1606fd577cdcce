"""The file or server that keeps the sessions: connection, tables, and what may be in them."""
