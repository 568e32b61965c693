"""What drf-spectacular is told about this package. Imported only where it is installed.

Importing a class registers it. Views and serializers are imported when a schema is made and not
before, since REST framework reads the project's settings along with them.
"""

from refresh_sessions.rest_framework.schema.extensions import (
    AccessTokenScheme,
    EndpointsExtension,
    LoginExtension,
    SessionExtension,
)

__all__ = ["AccessTokenScheme", "EndpointsExtension", "LoginExtension", "SessionExtension"]
