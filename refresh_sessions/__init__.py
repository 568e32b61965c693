"""Device sessions with rotating refresh tokens for Django REST framework."""

__version__ = "0.1.0"
