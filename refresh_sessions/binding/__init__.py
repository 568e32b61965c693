"""Binding: proofs of possession of a key, as far as a request alone shows them.

A copied token of a bound session is useless without the key. ``refresh_sessions.sessions``
compares the key of a request with that of a token family.
"""
