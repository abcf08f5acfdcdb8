"""picamera2 imports it for raw pictures, which nobody takes here."""
