"""Finding faces in luma: the detector, its letterbox, tiles and attention, the decoding of its maps, and `Face` itself.

What a face expresses is the business of `mien.emotions`, who it was a frame ago that of `mien.tracking`.
"""
