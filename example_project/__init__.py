"""A small project that uses ``refresh_sessions``, to read, to run and to try things on."""
