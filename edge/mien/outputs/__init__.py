"""Where readings go: sinks of text and JSON Lines, and pictures drawn for people. Nothing here computes a reading."""
