"""The page that lists a user's devices and logs them out.

For server-rendered projects with Django's login. The URLs are in ``refresh_sessions.urls_pages``.
"""
