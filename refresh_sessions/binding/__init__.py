"""Binding: the keys that clients prove to possess, as far as a request alone can tell.

A copied token of a bound session is useless without the key. ``refresh_sessions.sessions``
compares the key of a request with that of a token family.
"""
