"""The overview: what happened lately, to be read at a glance."""

from refresh_sessions.admin.overview.panel import Overview, OverviewMixin

__all__ = ["Overview", "OverviewMixin"]
