"""Other people's models beside ours: where they are, what they need, how accurate and how fast they are in one run."""
