"""Training of mien's two networks: data sets, augmentation, recipes, loops and metrics."""
