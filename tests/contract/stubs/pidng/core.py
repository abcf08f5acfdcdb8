"""See the package."""


class PICAM2DNG:
    """Stands for the real one's name."""
