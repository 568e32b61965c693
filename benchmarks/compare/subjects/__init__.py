"""All subjects, in the order of the tables."""

from __future__ import annotations

from typing import Final

from benchmarks.compare.subjects.base import Subject
from benchmarks.compare.subjects.own import CheckCache, CheckSession, CheckStateless, Floor
from benchmarks.compare.subjects.peers import SimpleJWT, SimpleJWTBlacklist

SUBJECTS: Final[dict[str, type[Subject]]] = {
    subject.name: subject
    for subject in (
        Floor,
        SimpleJWT,
        SimpleJWTBlacklist,
        CheckSession,
        CheckCache,
        CheckStateless,
    )
}
