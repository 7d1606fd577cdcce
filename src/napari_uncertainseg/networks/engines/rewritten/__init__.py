"""Networks computed in another way that gives the same numbers, as OpenVINO runs them better."""
