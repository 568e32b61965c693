"""The page on which people see where they are signed in, and sign out there.

For server-rendered projects that use Django's own login. ``refresh_sessions.urls_pages`` has the
addresses.
"""
