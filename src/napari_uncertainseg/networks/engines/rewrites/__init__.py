"""How the steps of a network are put before OpenVINO runs them: the same numbers, or more exact ones."""
