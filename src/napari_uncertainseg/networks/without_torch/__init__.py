"""What is known of networks and of this machine without importing torch, which takes seconds."""
