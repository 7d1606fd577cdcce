"""A session while it goes on: recording, order, stopping, second readings, replay."""
