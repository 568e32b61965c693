"""``manage.py demo``: the life of some device sessions, played over HTTP.

Bottom up: ``lifetimes``; ``settings`` with ``sign_in`` and ``server``, for the server's process;
``http`` and ``screen``; ``stage``, which sends, shows and checks; ``clients``; ``story``; and the
command in ``management/commands/demo.py``.
"""
