"""Time networks: their training steps and answers, on this machine."""
