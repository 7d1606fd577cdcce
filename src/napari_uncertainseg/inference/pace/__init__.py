"""How fast a network is on this machine, found out before it is needed."""
