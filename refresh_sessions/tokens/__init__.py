"""Tokens: encoding and verification of JWTs, the only package that uses PyJWT.

Layers, bottom up: ``keys`` and ``segments``, ``prepared_keys``, ``codec``, and the two kinds of
tokens. PyJWT's algorithms sign and verify. No module reads the database: verification covers
signature and claims. ``refresh_sessions.sessions`` checks the session.
"""
