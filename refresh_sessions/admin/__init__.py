"""Device sessions in Django's admin: staff see them and, with the permission, end them.

A project with a themed admin registers its own class::

    admin.site.unregister(DeviceSession)


    @admin.register(DeviceSession)
    class ThemedSessionAdmin(SessionAdminMixin, unfold.admin.ModelAdmin): ...
"""

from refresh_sessions.admin.sessions import DeviceSessionAdmin, SessionAdminMixin
from refresh_sessions.admin.users import UserSessionsMixin

__all__ = ["DeviceSessionAdmin", "SessionAdminMixin", "UserSessionsMixin"]
