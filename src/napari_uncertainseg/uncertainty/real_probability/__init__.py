"""How probable it is that a lesion is real: what is measured for it, and what that is worth."""
