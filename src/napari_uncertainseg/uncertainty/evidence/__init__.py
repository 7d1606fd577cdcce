"""Evidence that a lesion is real: what lies around it, and what that is worth."""
