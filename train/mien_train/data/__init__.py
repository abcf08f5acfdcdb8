"""Data sets as arrays: FER2013 and FER+, class folders, photographs with faces; splits, protocols, near copies.

What is made of them in training (augmentation, composed pictures) stands with its task, in `emotion` and `face`.
"""
