"""What keeps the thread of the window free."""
