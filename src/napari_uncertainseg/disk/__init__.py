"""What may be written where, and what is believed of what is read: the same for all commands and docks."""
