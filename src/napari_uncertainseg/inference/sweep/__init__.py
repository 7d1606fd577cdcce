"""Maps and members of all heads of a network, in one sweep over memory."""
