"""``manage.py demo``: scenarios of device sessions, run over HTTP.

The modules from the lowest layer up: ``lifetimes``; ``settings``, ``login_policy`` and ``server``
for the server process; ``http`` and ``screen``; ``runner``, which sends, prints and checks;
``clients``; ``scenario``; and the command in ``management/commands/demo.py``.
"""
