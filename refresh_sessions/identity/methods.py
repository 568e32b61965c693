"""Authentication methods: the base class, and the password method."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar, Final

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from refresh_sessions.conf import get_settings
from refresh_sessions.identity.passwords import authenticate
from refresh_sessions.redaction import hide
from refresh_sessions.users import ProjectUser

MAX_SECRET_LENGTH: Final = 4096
"""Characters; hashing longer values would let an attacker waste CPU time."""


class AuthenticationMethod:
    """A method to verify a user's identity. Subclass it and name the class in the settings.

    The same class serves re-authentication (``REAUTHENTICATION_METHODS``) and the second step of a
    login (``SECOND_FACTORS``). One instance serves all requests: it must not have state.
    """

    name: ClassVar[str]
    """The name for clients, and by default the request field with the credential."""
    amr: ClassVar[str]
    """The authentication method reference of RFC 8176, such as ``"otp"`` or ``"hwk"``."""
    label: ClassVar[str | Promise] = ""
    """The label of the form field for people; derived from ``name`` if empty."""
    second_factor: ClassVar[bool] = False
    """Whether the method is a second factor, required from users who have it (ASVS 7.5.1)."""

    @property
    def field(self) -> str:
        """The request field with the credential."""
        return self.name

    def is_available(self, user: ProjectUser) -> bool:
        """Whether the user has set the method up."""
        raise NotImplementedError

    def verify(
        self, user: ProjectUser, data: Mapping[str, Any], request: HttpRequest | None
    ) -> bool:
        """Check the credential in ``data``.

        Called outside of transactions, and only if the field is present. Calls may be concurrent:
        a one-time code has to be consumed with an atomic database operation.

        Args:
            user: the user whose identity is verified.
            data: the fields of the request; their values have any type and size.
            request: the request, or None.

        """
        raise NotImplementedError

    def is_satisfied_by(self, amr: Collection[str]) -> bool:
        """Whether an authentication with the methods ``amr`` makes this method unnecessary.

        Override it where other methods are equivalent, such as a passkey with user verification.
        """
        return self.amr in amr

    def find_problems(self) -> Iterator[tuple[str, str]]:
        """Configuration errors of the method, for the system checks, without a query.

        Yields:
            The problem and a hint, one sentence each.

        """
        yield from ()

    def announces_failure(self) -> bool:
        """Whether ``verify`` sends Django's ``user_login_failed``."""
        return False


class PasswordMethod(AuthenticationMethod):
    """The user's password, checked by Django's authentication backends."""

    name = "password"
    amr = "pwd"
    label = _("Password")

    @property
    def field(self) -> str:
        """The field ``password``, or its name in ``FIELD_NAMES``."""
        return get_settings().field_name("password")

    def is_available(self, user: ProjectUser) -> bool:
        """Whether Django stores a usable password. Override it for other storage, such as LDAP."""
        return bool(user.has_usable_password())

    @sensitive_variables()
    def verify(
        self, user: ProjectUser, data: Mapping[str, Any], request: HttpRequest | None
    ) -> bool:
        """Whether the backends authenticate this user with the password."""
        password = hide(data[self.field])
        if not isinstance(password, str) or not 0 < len(password) <= MAX_SECRET_LENGTH:
            return False
        authenticated = authenticate(request, **self.credentials(user), password=password)
        if authenticated is None or authenticated.pk != user.pk:
            return False
        # The check may have upgraded the stored hash.
        user.password = getattr(authenticated, "password", user.password)
        return True

    def credentials(self, user: ProjectUser) -> Mapping[str, Any]:
        """The credentials for the backends, without the password.

        Backends with a parameter named after ``USERNAME_FIELD`` get ``username`` under that name.
        """
        return {"username": user.get_username()}

    def announces_failure(self) -> bool:
        """True: ``authenticate()`` sends the signal."""
        return True
