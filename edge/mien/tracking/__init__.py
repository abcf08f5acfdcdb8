"""What holds from frame to frame: which face is which, and what its expression is over time. No pixels come here."""
