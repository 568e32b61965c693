"""Changes after which an access token must be refused.

Each entry of ``ENDINGS`` is a function that takes a user and returns a token pair and a change.
The access token of the pair is valid until the change, and is refused after it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from refresh_sessions.exceptions import SessionRevokedError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import (
    TokenPair,
    change_password,
    check_access_token,
    log_out,
    open_family,
    prune_sessions,
    reauthenticate_session,
    refresh_session,
    revoke_session,
    revoke_sessions,
    revoke_user_sessions,
)
from refresh_sessions.tokens import refresh_tokens
from tests.admin.pages import LIST, hidden_fields
from tests.factories import UserFactory, make_pair


@dataclass
class Case:
    """A token pair, and the change that ends the use of its access token."""

    pair: TokenPair
    change: Callable[[], object]


def after_overlap() -> None:
    """Move all rotations to before the overlap, and to after ``CONFIRM_DELIVERY_AFTER`` ago."""
    rotated = TokenFamily.objects.filter(rotated_at__isnull=False)
    rotated.update(rotated_at=timezone.now() - timedelta(seconds=30))


def grant_of(pair: TokenPair) -> Any:
    return check_access_token(pair.access, in_database=True)


def revocation(user):
    pair = make_pair(user)
    return Case(pair, lambda: revoke_session(pair.session, reason="admin"))


def logout(user):
    pair = make_pair(user)
    return Case(pair, lambda: log_out(refresh_tokens.verify(pair.refresh)))


def revocation_of_queryset(user):
    pair = make_pair(user)
    sessions = DeviceSession.objects.all()
    return Case(pair, lambda: revoke_sessions(sessions, reason="admin"))


def revocation_of_user_sessions(user):
    make_pair(user)
    pair = make_pair(user)
    return Case(pair, lambda: revoke_user_sessions(user, reason="admin"))


def revocation_by_command(user):
    pair = make_pair(user)
    arguments = ("revoke_refresh_sessions", "--user", user.get_username(), "--no-input")
    return Case(pair, lambda: call_command(*arguments, stdout=StringIO()))


def revocation_in_admin(user):
    pair = make_pair(user)
    staff = Client()
    staff.force_login(
        get_user_model().objects.create_superuser(UserFactory.build().get_username(), password="x")
    )
    action = {"action": "revoke_selected", "_selected_action": [str(pair.session.pk)]}

    def change():
        question = staff.post(reverse(LIST), action)
        assert staff.post(reverse(LIST), hidden_fields(question)).status_code == 302

    return Case(pair, change)


def reuse(user):
    first = make_pair(user)
    second = refresh_session(first.refresh)
    after_overlap()
    third = refresh_session(second.refresh)
    after_overlap()

    def change():
        with pytest.raises(SessionRevokedError):
            refresh_session(first.refresh)

    return Case(third, change)


def deactivation(user):
    pair = make_pair(user)

    def change():
        user.is_active = False
        user.save()

    return Case(pair, change)


def new_password_by_save(user):
    pair = make_pair(user)

    def change():
        user.set_password("another battery staple")
        user.save()

    return Case(pair, change)


def password_change_in_another_session(user):
    other, pair = make_pair(user), make_pair(user)
    grant = grant_of(other)
    return Case(pair, lambda: change_password(grant, "another battery staple"))


def user_deletion(user):
    return Case(make_pair(user), user.delete)


def prune_after_update_without_signal(user):
    pair = make_pair(user)

    def change():
        get_user_model().objects.filter(pk=user.pk).update(is_active=False)
        prune_sessions()

    return Case(pair, change)


def rotation(user):
    """The redeemable generation is superseded by the second rotation."""
    pair = make_pair(user)
    second = refresh_session(pair.refresh)
    after_overlap()
    return Case(pair, lambda: refresh_session(second.refresh))


def recovery(user):
    """The client has lost the response with this pair."""
    first = make_pair(user)
    lost = refresh_session(first.refresh)
    after_overlap()
    return Case(lost, lambda: refresh_session(first.refresh))


def recovery_that_closes_a_family(user):
    first = make_pair(user)
    lost = open_family(grant_of(first), first.refresh)
    after_overlap()
    return Case(lost.opened, lambda: refresh_session(first.refresh))


def opening_of_a_family(user):
    pair = make_pair(user)
    second = refresh_session(pair.refresh)
    after_overlap()
    grant = grant_of(second)
    return Case(pair, lambda: open_family(grant, second.refresh))


def reauthentication(user):
    pair = make_pair(user)
    second = refresh_session(pair.refresh)
    after_overlap()
    grant = grant_of(second)
    return Case(pair, lambda: reauthenticate_session(grant, methods=["pwd"]))


def password_change_in_the_session(user):
    pair = make_pair(user)
    second = refresh_session(pair.refresh)
    after_overlap()
    grant = grant_of(second)
    return Case(pair, lambda: change_password(grant, "another battery staple"))


ENDINGS: dict[str, Callable[[Any], Case]] = {
    ending.__name__: ending
    for ending in (
        revocation,
        logout,
        revocation_of_queryset,
        revocation_of_user_sessions,
        revocation_by_command,
        revocation_in_admin,
        reuse,
        deactivation,
        new_password_by_save,
        password_change_in_another_session,
        user_deletion,
        prune_after_update_without_signal,
        rotation,
        recovery,
        recovery_that_closes_a_family,
        opening_of_a_family,
        reauthentication,
        password_change_in_the_session,
    )
}
