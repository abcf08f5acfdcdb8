"""The emotion task: augmentation, loss, figures, confidence, and the report of a classifier."""
