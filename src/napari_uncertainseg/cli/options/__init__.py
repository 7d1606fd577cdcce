"""What the commands take: how options are declared, numbers among them, and those of `session`."""
