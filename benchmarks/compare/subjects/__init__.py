"""All subjects, in the order of the tables."""

from __future__ import annotations

from typing import Final

from benchmarks.compare.subjects import own, peers, providers
from benchmarks.compare.subjects.base import Subject

SUBJECTS: Final[dict[str, type[Subject]]] = {
    subject.name: subject
    for subject in (
        own.Baseline,
        own.CheckSession,
        own.CheckCache,
        own.CheckStateless,
        peers.SimpleJWT,
        peers.SimpleJWTBlacklist,
        providers.OAuthToolkit,
        providers.OAuthToolkitGrace,
        providers.OAuthToolkitHashed,
        providers.Allauth,
        providers.AllauthStateful,
        peers.Knox,
        peers.DjangoSessions,
    )
}
