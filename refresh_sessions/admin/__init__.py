"""Device sessions and session events in Django's admin: read-only, with permission to revoke.

To use the model admin of a theme, register a class of your own::

    admin.site.unregister(DeviceSession)


    @admin.register(DeviceSession)
    class ThemedSessionAdmin(SessionAdminMixin, unfold.admin.ModelAdmin): ...

Use ``SessionEvent`` and ``EventAdminMixin`` in the same way.
"""

from refresh_sessions.admin.events import EventAdminMixin, SessionEventAdmin
from refresh_sessions.admin.sessions import DeviceSessionAdmin, SessionAdminMixin
from refresh_sessions.admin.user_page import UserSessionsMixin

__all__ = [
    "DeviceSessionAdmin",
    "EventAdminMixin",
    "SessionAdminMixin",
    "SessionEventAdmin",
    "UserSessionsMixin",
]
