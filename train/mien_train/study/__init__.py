"""Studies over several models or a whole data set: comparisons, sweeps, exploration, cleaning. Nothing trains from here
but through `mien_train.training`."""
