"""From a face to its expression: the aligned crop, and the classifier that reads it.

Nothing here knows of time: probabilities are smoothed in `mien.tracking`.
"""
