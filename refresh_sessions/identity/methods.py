"""Single methods by which people prove who they are."""

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
"""Characters; what is longer nobody types, and hashing it would be work for an attacker's sake."""


class AuthenticationMethod:
    """One way to prove who one is. Subclass it and name the class in the settings.

    The same class serves a step-up (``REAUTHENTICATION_METHODS``) and the second step of a sign-in
    (``SECOND_FACTORS``). One instance serves all requests: keep no state in it.
    """

    name: ClassVar[str]
    """What clients call it, and the field of a request in which they send the proof."""
    amr: ClassVar[str]
    """What it is in the words of RFC 8176, such as ``"otp"`` or ``"hwk"``."""
    label: ClassVar[str | Promise] = ""
    """What people call it, above a field that asks for it; made from ``name`` if it is empty."""
    second_factor: ClassVar[bool] = False
    """It stands beside another method. Who has it cannot do without it (ASVS 7.5.1)."""

    @property
    def field(self) -> str:
        """The field of a request that carries the proof."""
        return self.name

    def is_available(self, user: ProjectUser) -> bool:
        """Whether this user has set it up."""
        raise NotImplementedError

    def verify(
        self, user: ProjectUser, data: Mapping[str, Any], request: HttpRequest | None
    ) -> bool:
        """Check the proof in ``data``; it is of any type and has any size.

        Called outside of transactions, and only if the field is there. It may be called in
        parallel: a code that is good once must be used up by the database, not by a look at it.
        """
        raise NotImplementedError

    def is_satisfied_by(self, amr: Collection[str]) -> bool:
        """Whether a proof by these methods leaves nothing for this one to add.

        Override it where others are as good: a passkey that asked for a fingerprint, say.
        """
        return self.amr in amr

    def find_problems(self) -> Iterator[tuple[str, str]]:
        """What in this project keeps the method from working, for the system checks.

        Each problem is a sentence, with another that says what to do. The database is not asked.
        """
        yield from ()

    def announces_failure(self) -> bool:
        """Whether ``verify`` itself sends Django's ``user_login_failed``."""
        return False


class PasswordMethod(AuthenticationMethod):
    """The user's password, by Django's authentication backends."""

    name = "password"
    amr = "pwd"
    label = _("Password")

    @property
    def field(self) -> str:
        """As ``FIELD_NAMES`` has it."""
        return get_settings().field_name("password")

    def is_available(self, user: ProjectUser) -> bool:
        """Whether Django knows a password. Override it where it is kept elsewhere (LDAP)."""
        return bool(user.has_usable_password())

    @sensitive_variables()
    def verify(
        self, user: ProjectUser, data: Mapping[str, Any], request: HttpRequest | None
    ) -> bool:
        """Ask the backends, and see whether it is this user whom they find."""
        password = hide(data[self.field])
        if not isinstance(password, str) or not 0 < len(password) <= MAX_SECRET_LENGTH:
            return False
        found = authenticate(request, **self.credentials(user), password=password)
        if found is None or found.pk != user.pk:
            return False
        # Checking may have stored the same password with a newer hash.
        user.password = getattr(found, "password", user.password)
        return True

    def credentials(self, user: ProjectUser) -> Mapping[str, Any]:
        """What the backends ask for besides the password.

        Those that name a parameter after ``USERNAME_FIELD`` get the ``username`` there.
        """
        return {"username": user.get_username()}

    def announces_failure(self) -> bool:
        """As ``authenticate()`` does."""
        return True
