"""What holds from frame to frame: which face is which (by where it should be by now, and the assignment that fits best),
and what its expression is over time. No pixels come here."""
