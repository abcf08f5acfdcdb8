"""A switch that pauses and an LED that shows when frames are taken, at the board's GPIO lines."""
