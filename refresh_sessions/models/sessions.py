"""Device sessions: the row of one login of one user on one device."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Lower
from django.db.models.lookups import IsNull
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from refresh_sessions import devices
from refresh_sessions.database import DatabaseNow
from refresh_sessions.devices import ClientHints, DeviceKind
from refresh_sessions.instants import InstantField
from refresh_sessions.models import owners
from refresh_sessions.models.families import TokenFamily
from refresh_sessions.models.fields import (
    ClientTextField,
    FoldedTextField,
    PrintableCharField,
    fold,
)
from refresh_sessions.users import (
    FINGERPRINT_LENGTH,
    auth_hash_follows_password,
    auth_hash_is_valid,
    is_active,
)

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

NAME_LENGTH = 128
REASON_LENGTH = 64
KIND_LENGTH = 16
BACKEND_LENGTH = 255


class RevokedReason(models.TextChoices):
    """Why sessions are revoked. Projects may use additional reasons."""

    LOGOUT = "logout", _("Signed out")
    USER = "user", _("Revoked by the user from another device")
    ADMIN = "admin", _("Revoked by staff")
    REUSE = "reuse", _("A used refresh token was presented again")
    REUSE_ELSEWHERE = (
        "reuse_elsewhere",
        _("A used refresh token of another device was presented again"),
    )
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    USER_INACTIVE = "user_inactive", _("Account deactivated")
    USER_DELETED = "user_deleted", _("Account deleted")
    SESSION_LIMIT = "session_limit", _("Too many devices")
    RECOVERY_LIMIT = "recovery_limit", _("Too many lost responses")


class SessionStatus(models.TextChoices):
    """The state of a session in its lifecycle."""

    LIVE = "live", _("Live")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


class DeviceSessionQuerySet(models.QuerySet["DeviceSession"]):
    """Queries of device sessions, with the database's clock."""

    def active(self) -> Self:
        """Live sessions: neither revoked nor expired, and permitted by their account.

        An account forbids the use of a session if the user is inactive or has another password
        than at login. SQL detects both only for user models with a column ``is_active`` and
        Django's own session hash.
        """
        return self.unended().exclude(owners.is_locked_out())

    def unrevoked(self) -> Self:
        """Sessions that are not revoked, whether or not they have expired."""
        return self.filter(revoked_at__isnull=True)

    def unended(self) -> Self:
        """Sessions that are neither revoked nor expired, whatever the state of their account."""
        return self.filter(
            self._has_usable_family(), revoked_at__isnull=True, expires_at__gt=DatabaseNow()
        )

    def with_account_reason(self) -> Self:
        """Add the SQL result for ``account_reason``, which then needs no further query."""
        reason = owners.account_reason(
            inactive=RevokedReason.USER_INACTIVE, password_changed=RevokedReason.PASSWORD_CHANGED
        )
        return self.annotate(found_account_reason=reason)

    def expired(self) -> Self:
        """Sessions past the hard deadline or the idle limit that are not revoked."""
        return self.filter(revoked_at__isnull=True).exclude(
            self._has_usable_family(), expires_at__gt=DatabaseNow()
        )

    def overdue(self) -> Self:
        """Expired sessions past the hard deadline."""
        return self.filter(revoked_at__isnull=True, expires_at__lte=DatabaseNow())

    def idle(self) -> Self:
        """Expired sessions past the idle limit and before the hard deadline."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=DatabaseNow()).exclude(
            self._has_usable_family()
        )

    def revoked(self) -> Self:
        """Sessions that are revoked, or locked out by a change of their account."""
        locked_out = (
            Q(self._has_usable_family()) & Q(expires_at__gt=DatabaseNow()) & owners.is_locked_out()
        )
        return self.filter(Q(revoked_at__isnull=False) | locked_out)

    def for_user(self, user: AbstractBaseUser) -> Self:
        """Sessions of one user."""
        return self.filter(user=user)

    def update(self, **kwargs: Any) -> int:
        """Keep ``name_folded`` in step with ``name``."""
        if "name" in kwargs:
            kwargs.setdefault("name_folded", _folded(kwargs["name"]))
        return super().update(**kwargs)

    def bulk_update(
        self, objs: Iterable[DeviceSession], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        """Keep ``name_folded`` in step with ``name``."""
        sessions, names = list(objs), list(fields)
        if "name" in names:
            names.append("name_folded")
            for session in sessions:
                session.name_folded = _folded(session.name)
        return super().bulk_update(sessions, names, batch_size)

    @staticmethod
    def _has_usable_family() -> IsNull:
        # PostgreSQL would turn EXISTS into a join that reads the whole table of families.
        families = TokenFamily.objects.usable().filter(session=OuterRef("pk"))
        return IsNull(Subquery(families.values("pk")[:1]), False)  # noqa: FBT003


def _folded(name: Any) -> Any:
    return fold(name) if isinstance(name, str) else Lower(name)


class DeviceSession(models.Model):
    """One login of one user on one device, with its deadline and revocation.

    ``expires_at`` is set at login and never updated. ``revoked_at`` is set once and never cleared.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="device_sessions",
        # The first column of an index below.
        db_index=False,
        verbose_name=_("user"),
    )
    name = PrintableCharField(_("name"), max_length=NAME_LENGTH, blank=True)
    name_folded = FoldedTextField(of="name", max_length=3 * NAME_LENGTH)
    user_agent = PrintableCharField(
        _("user agent"), max_length=devices.USER_AGENT_LENGTH, blank=True
    )
    client_hints = ClientTextField(max_length=devices.STORED_LENGTH, blank=True, editable=False)
    kind = models.CharField(
        _("kind of device"),
        max_length=KIND_LENGTH,
        choices=DeviceKind.choices,
        default=DeviceKind.OTHER,
    )
    ip_address = models.GenericIPAddressField(_("address at sign-in"), null=True)
    created_at = InstantField(_("signed in"))
    expires_at = InstantField(_("expires"), help_text=_("A refresh does not extend it."))
    revoked_at = InstantField(_("revoked"), null=True)
    revoked_reason = PrintableCharField(_("reason"), max_length=REASON_LENGTH, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("revoked by"),
    )
    revoked_family = models.UUIDField(null=True, editable=False)
    revoked_generation = models.PositiveIntegerField(null=True, editable=False)
    """The generation of the token that logged out; a logout with the newest one is a delivery."""
    reuse_detected_at = InstantField(null=True, editable=False)
    """When reuse was reported: once, and also after the session has ended."""
    backend = models.CharField(
        max_length=BACKEND_LENGTH, blank=True, default="", db_default="", editable=False
    )
    """The dotted path of the backend that authenticated the user at login; empty if unknown."""
    auth_hash = models.CharField(max_length=64, editable=False)
    password_fingerprint = models.CharField(
        max_length=FINGERPRINT_LENGTH, blank=True, default="", db_default="", editable=False
    )

    objects = DeviceSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("device session")
        verbose_name_plural = _("device sessions")
        # Sessions cannot be added, edited or deleted manually, so there are no such permissions.
        default_permissions = ("view",)
        permissions = (("revoke_devicesession", _("Can revoke device session")),)
        indexes = (
            models.Index(fields=["user", "created_at"], name="refsess_session_user"),
            models.Index(fields=["created_at"], name="refsess_session_created"),
            models.Index(fields=["expires_at"], name="refsess_session_expires"),
            # For filters and searches of the admin, which would otherwise read the whole table.
            models.Index(fields=["kind", "created_at"], name="refsess_session_kind"),
            models.Index(fields=["revoked_reason", "created_at"], name="refsess_session_reason"),
            models.Index(fields=["ip_address", "created_at"], name="refsess_session_address"),
            models.Index(
                fields=["name_folded"],
                # PostgreSQL needs it for prefix searches; other databases ignore it.
                opclasses=["varchar_pattern_ops"],
                name="refsess_session_name",
            ),
        )

    def __str__(self) -> str:
        return self.name or self.device or str(self.pk)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep ``name_folded`` in step with ``name``."""
        if (fields := kwargs.get("update_fields")) is not None and "name" in fields:
            kwargs["update_fields"] = {*fields, "name_folded"}
        if "name" in self.__dict__:
            # Also if name_folded is deferred: Django would omit it.
            self.name_folded = _folded(self.name)
        super().save(*args, **kwargs)

    @property
    def device(self) -> str:
        """The name of the device in the active language, such as "Chrome on macOS".

        Derived from the user agent and client hints of the login.
        """
        hints = ClientHints.from_stored(self.client_hints)
        return devices.name_device(self.user_agent, hints)

    @property
    def place(self) -> str:
        """The place of the address at login; empty if unknown."""
        return devices.get_place(self.ip_address)

    @cached_property
    def known_families(self) -> list[TokenFamily]:
        """The families, read once; a login sets the family that it has created."""
        # From the alias of the session: a replica may not have them yet.
        return list(self.families.db_manager(self._state.db).all())

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Reload the session, its families and its account."""
        self.__dict__.pop("known_families", None)
        self.__dict__.pop("found_account_reason", None)
        super().refresh_from_db(*args, **kwargs)

    @property
    def last_used_at(self) -> datetime:
        """The time of the last login, refresh or first use of a new token.

        Reads the families: use ``prefetch_related("families")`` for several sessions.
        """
        instants = [self.created_at]
        for family in self.known_families:
            instants += [at for at in (family.rotated_at, family.delivered_at) if at]
        return max(instants)

    @property
    def bound(self) -> str | None:
        """How the refresh tokens are bound to a key: "dpop", "dbsc", or None if they are not.

        None if any family has no key. Reads the families, as ``last_used_at``.
        """
        bindings = {family.binding for family in self.known_families}
        return max(bindings) if bindings and "" not in bindings else None

    @property
    def account_reason(self) -> str:
        """Why the account forbids the use of the session; empty if it does not.

        ``RevokedReason.USER_INACTIVE`` or ``PASSWORD_CHANGED``, even if the session is not revoked
        yet. Reads the user: use ``with_account_reason()`` for several sessions.
        """
        from_sql: str | None = self.__dict__.get("found_account_reason")
        if from_sql or (from_sql is not None and auth_hash_follows_password(get_user_model())):
            return from_sql
        if not is_active(self.user):
            return RevokedReason.USER_INACTIVE.value
        if not auth_hash_is_valid(self.user, self.auth_hash):
            return RevokedReason.PASSWORD_CHANGED.value
        return ""

    @property
    def status(self) -> SessionStatus:
        """Live, expired or revoked by the clock of this server, for display.

        A session that its account locks out counts as revoked. Reads the families and the user.
        """
        if self.revoked_at is not None:
            return SessionStatus.REVOKED
        now = timezone.now()
        idle = all(
            family.closed_at is not None or family.idle_expires_at <= now
            for family in self.known_families
        )
        if idle or self.expires_at <= now:
            return SessionStatus.EXPIRED
        return SessionStatus.REVOKED if self.account_reason else SessionStatus.LIVE

    @property
    def reason(self) -> str:
        """The label of the reason of revocation; empty if the session is not revoked."""
        labels = dict(RevokedReason.choices)
        reason = self.revoked_reason
        if self.status is SessionStatus.REVOKED and self.revoked_at is None:
            reason = self.account_reason
        return str(labels.get(reason, reason))
