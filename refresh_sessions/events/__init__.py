"""Security events of sessions: record, export, prune."""

from refresh_sessions.events.export import EventExport
from refresh_sessions.events.prune import count_prunable_events, prune_events

__all__ = ["EventExport", "count_prunable_events", "prune_events"]
