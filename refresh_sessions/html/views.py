"""The views, for projects that subclass them and mount them at addresses of their own."""

from refresh_sessions.html.base import DevicesPage
from refresh_sessions.html.ending import EndOthersView, EndSessionView
from refresh_sessions.html.listing import SessionListView
from refresh_sessions.html.one import RenameSessionView

__all__ = [
    "DevicesPage",
    "EndOthersView",
    "EndSessionView",
    "RenameSessionView",
    "SessionListView",
]
