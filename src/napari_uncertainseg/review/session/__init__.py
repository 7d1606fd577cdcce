"""Sessions in which a case is read: recording, order, stopping, second readings, replay."""
