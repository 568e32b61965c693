"""The logins and reuses that cause mails."""

import pytest

from refresh_sessions.exceptions import InvalidDPoPProofError
from refresh_sessions.sessions import refresh_session
from tests.binding.keys import ClientKey
from tests.domain.client_actions import AFTER_OVERLAP, family_of, refused
from tests.factories import UserFactory, make_pair

ADDRESS = "ada@example.org"


def with_address(address):
    user = UserFactory(username="ada@example.org")
    setattr(user, user.get_email_field_name(), address)
    user.save()
    return user


def come_from(rf, user_agent, address="203.0.113.5"):
    return rf.get("/", HTTP_USER_AGENT=user_agent, REMOTE_ADDR=address)


def log_in(user, rf, user_agent="Shop/1.2", **options):
    return make_pair(user, request=come_from(rf, user_agent), **options)


def refreshed_twice(pair, clock):
    """Refresh until the first token is a used one for each presenter at any time."""
    for _ in range(2):
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(pair.refresh)
    return pair


def reuse(user, rf, clock, **options):
    """Let an attacker present a used token; return the owner's newest tokens."""
    stolen = log_in(user, rf, **options)
    newest = refreshed_twice(stolen, clock)
    family = family_of(stolen)
    family.last_ip_address, family.last_user_agent = "203.0.113.5", "Shop/1.2"
    family.save()
    clock.move(AFTER_OVERLAP)
    attacker = come_from(rf, "curl/8.1", "198.51.100.7")
    assert refused(stolen.refresh, request=attacker) == "session_revoked"
    return newest


def log_in_with_key(user, rf, user_agent="Shop/1.2", **options):
    """Log in with a DPoP proof, which binds the session to a key."""
    request = come_from(rf, user_agent)
    request.META["HTTP_DPOP"] = ClientKey().proof("/", method="GET")
    return make_pair(user, request=request, **options)


def present_copy(pair, rf, address="198.51.100.7"):
    """Let an attacker present a copy of a bound token without its key."""
    with pytest.raises(InvalidDPoPProofError):
        refresh_session(pair.refresh, request=come_from(rf, "curl/8.1", address))


def only(mailoutbox):
    (message,) = mailoutbox
    return message
