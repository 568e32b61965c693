"""The only door to PyJWT. Layers, bottom up: ``keys``, ``codec``, then both kinds of tokens.

Nothing here reads the database: a token that verifies has been issued by us, no more. Whether
its session still lives is for the verbs in ``refresh_sessions.sessions`` to say.
"""
