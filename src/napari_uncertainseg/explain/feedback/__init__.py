"""Do readers and the model doubt for the same reasons? What readers tick beside doubt and its drivers."""
