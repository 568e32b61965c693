"""Tokens: encoding and verification of JWTs, the only package that uses PyJWT.

Layers, bottom up: ``keys``, ``codec``, and the two kinds of tokens. No module reads the database:
verification covers signature and claims. ``refresh_sessions.sessions`` checks the session.
"""
