"""How many of a live camera's frames are read: fewer where nobody is in view, and where it is hot."""
