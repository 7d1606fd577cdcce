"""Whether sessions are as they were written: by their own chain, and by what was kept elsewhere."""
