"""mien as a service of systemd: its unit, its installation, and what it tells the service manager.

Nothing here reads a camera, and nothing but this room talks to systemd.
"""
