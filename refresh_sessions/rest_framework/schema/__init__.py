"""Extensions for drf-spectacular; imported only if it is installed.

Importing an extension class registers it. Views and serializers are imported when a schema is
generated, because REST framework reads the project's settings at their import.
"""

from refresh_sessions.rest_framework.schema.extensions import (
    AccessTokenScheme,
    EndpointsExtension,
    LoginExtension,
    SessionExtension,
)

__all__ = ["AccessTokenScheme", "EndpointsExtension", "LoginExtension", "SessionExtension"]
