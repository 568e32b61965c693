"""Client of the admin's pages about events."""

import csv
import io
from dataclasses import dataclass

from django.test import Client
from django.urls import reverse

PREFIX = "admin:refresh_sessions_sessionevent"
LIST = f"{PREFIX}_changelist"
EXPORT = f"{PREFIX}_export"


@dataclass
class EventPages:
    client: Client

    def list(self, **query):
        return self.client.get(reverse(LIST, query=query))

    def listed(self, **query):
        """Return the keys of the events in the list, in its order."""
        return [event.pk for event in self.list(**query).context["cl"].result_list]

    def url(self, page, event):
        return reverse(f"{PREFIX}_{page}", args=[event.pk])

    def open(self, event, page="change"):
        return self.client.get(self.url(page, event))

    def export(self, **query):
        return self.client.get(reverse(EXPORT, query=query))

    def exported(self, **query):
        """Return the rows of the download."""
        return rows_of(self.export(**query).getvalue())


def rows_of(content: bytes) -> list[dict[str, str]]:
    text = content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
