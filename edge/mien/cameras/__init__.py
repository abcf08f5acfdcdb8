"""Where frames come from: the protocol of a source, every kind of it, and the luma that each one delivers.

Nothing here looks at what a frame shows: that begins in `mien.reader`.
"""
