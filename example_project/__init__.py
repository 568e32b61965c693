"""A small project with ``refresh_sessions``, to read, to run and to experiment with."""
