"""``manage.py demo``: scenarios of device sessions over HTTP, and a page with ``--serve``.

The modules of the scenario from the lowest layer up: ``lifetimes``, ``accounts``;
``settings``, ``login_policy`` and ``server`` for the server process; ``http`` and ``screen``;
``runner``, which sends, prints and checks; ``clients``; and ``scenario``.

The page is in ``site``, with ``templates`` and ``static``; ``modes`` starts its servers. ``seeds``
fills the lists, with ``sample_clients``. The command is in ``management/commands/demo.py``.
"""
