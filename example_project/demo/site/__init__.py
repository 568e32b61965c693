"""The page of ``manage.py demo --serve``: one user with three tabs, and an attacker.

``settings``, ``strict_settings`` and ``simplejwt_settings`` are the modes. ``views`` has the pages
of all modes; ``sessions`` and ``simplejwt`` have the views that depend on the library.
"""
