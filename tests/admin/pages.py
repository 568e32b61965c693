"""Client of the admin's pages about sessions."""

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

PREFIX = "admin:refresh_sessions_devicesession"
LIST = f"{PREFIX}_changelist"


class _Hidden(HTMLParser):
    """Collects the hidden fields of the confirmation form."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields.setdefault(attributes["name"], []).append(attributes["value"])


def hidden_fields(response) -> dict[str, list[str]]:
    parser = _Hidden()
    parser.feed(response.text)
    return parser.fields


def messages_of(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@dataclass
class SessionPages:
    client: Client

    def list(self, **query):
        return self.client.get(reverse(LIST, query=query))

    def listed(self, **query) -> set:
        """Return the keys of the sessions in the list."""
        return {session.pk for session in self.list(**query).context["cl"].result_list}

    def act(self, action, sessions, *, across=False, **query):
        """Start an action on some sessions of the list."""
        data = {
            "action": action,
            "index": "0",
            "select_across": "1" if across else "0",
            "_selected_action": [str(session.pk) for session in sessions],
        }
        return self.client.post(reverse(LIST, query=query), data)

    def confirm(self, question):
        """Submit the confirmation form with its hidden fields."""
        parts = urlsplit(question.wsgi_request.get_full_path())
        fields = hidden_fields(question)
        return self.client.post(f"{parts.path}?{parts.query}", fields)

    def url(self, page, session):
        return reverse(f"{PREFIX}_{page}", args=[session.pk])

    def open(self, session, page="change"):
        return self.client.get(self.url(page, session))

    def sign_out_url(self, user):
        return reverse(f"{PREFIX}_sign_out", args=[user.pk])
