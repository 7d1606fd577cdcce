"""The review of the case that is open: verdicts, painting, undo, and the session into which it goes."""
