"""What holds from frame to frame: which face is which, by where each should be by now, and what its expression is over
time. No pixels come here."""
