"""Final checks of the database for every session."""

from collections.abc import Iterable, Sequence

from refresh_sessions.models import DeviceSession
from tests.faults.soak.clients import Client, generation_of


def find_honest_violations(clients: Iterable[Client]) -> list[str]:
    """Return violations in sessions without a theft."""
    return [fault for client in clients for fault in _find_violations(client)]


def _find_violations(client: Client) -> Iterable[str]:
    session = DeviceSession.objects.get(pk=client.session)
    kinds = list(session.events.order_by("pk").values_list("kind", flat=True))
    if kinds != ["signed_in"]:
        yield f"{session.pk}: events {kinds}"
    if session.revoked_at is not None:
        yield f"{session.pk}: ended as {session.revoked_reason}"
    families = list(session.families.all())
    if len(families) != 1 or families[0].closed_at is not None:
        yield f"{session.pk}: {len(families)} families"
    elif families[0].generation < max(map(generation_of, client.received)):
        yield f"{session.pk}: holds a token newer than the row"


def find_unreported_thefts(sessions: Sequence[str]) -> list[str]:
    """Return violations of stolen sessions without exactly one report of reuse."""
    return [
        f"{session.pk}: {alarms} alarms for one theft"
        for session in DeviceSession.objects.filter(pk__in=sessions)
        if (alarms := session.events.filter(kind="reuse_detected").count()) != 1
    ]
