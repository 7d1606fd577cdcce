"""The sheet of all keys, and what the mouse does."""
