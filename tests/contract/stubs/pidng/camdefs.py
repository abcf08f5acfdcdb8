"""See the package."""


class Picamera2Camera:
    """Stands for the real one's name."""
