"""What the database says of every session in the end."""

from collections.abc import Iterable, Sequence

from refresh_sessions.models import DeviceSession
from tests.faults.soaking.clients import Client, generation_of


def faults_of_honest(clients: Iterable[Client]) -> list[str]:
    """What is wrong with sessions of which nobody has ever stolen anything."""
    return [fault for client in clients for fault in _faults_of(client)]


def _faults_of(client: Client) -> Iterable[str]:
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


def unreported_thefts(sessions: Sequence[str]) -> list[str]:
    """Stolen sessions without their one alarm."""
    return [
        f"{session.pk}: {alarms} alarms for one theft"
        for session in DeviceSession.objects.filter(pk__in=sessions)
        if (alarms := session.events.filter(kind="reuse_detected").count()) != 1
    ]
