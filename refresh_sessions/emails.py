"""Mails to users about token reuse, misuse of bound tokens, and logins from a new device.

Off by default; ``MAIL_ON_REUSE``, ``MAIL_ON_MISUSE`` and ``MAIL_ON_NEW_DEVICE`` enable them. The
texts are templates under ``refresh_sessions/mail/``, which a project may override. The signals are
sent after the commit with ``send_robust``: a mail that fails is logged and does not affect the
request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings as django_settings
from django.core.mail import EmailMultiAlternatives
from django.db import router
from django.db.models import Exists
from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils import translation
from django.utils.translation import gettext as _

from refresh_sessions.conf import get_settings
from refresh_sessions.devices import Device, read_device, remove_links
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.signals import bound_token_misused, refresh_token_reused, session_started

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_TEMPLATES: Final = "refresh_sessions/mail"

# Suppresses automatic replies (RFC 3834).
_HEADERS: Final = {"Auto-Submitted": "auto-generated"}


def connect() -> None:
    """Connect the receivers below; each checks its setting for every signal."""
    for signal, receiver in (
        (refresh_token_reused, mail_on_reuse),
        (bound_token_misused, mail_on_misuse),
        (session_started, mail_on_new_device),
    ):
        signal.connect(
            receiver, sender=DeviceSession, dispatch_uid=f"refresh_sessions.{receiver.__name__}"
        )


def mail_on_reuse(
    *,
    session: DeviceSession,
    family: TokenFamily,
    request: HttpRequest | None,
    details: Mapping[str, Any],
    **kwargs: Any,
) -> None:
    """Mail the user after the reuse of a refresh token.

    The templates ``reuse_subject.txt`` and ``reuse_body.txt`` get ``user``, ``username``,
    ``session``, ``device``, ``ip_address`` and ``time``, and in addition:

    - ``presented_by``: the client of the reuse.
    - ``refreshed_by``: the client of the last refresh.
    - ``after_end``: whether the session had already ended.
    - ``everywhere``: whether all sessions of the user were revoked.
    """
    if not get_settings().MAIL_ON_REUSE:
        return
    context = {
        **_describe_clients(family, request, details),
        "after_end": details.get("after_end", False),
        "everywhere": get_policy().reuse_ends(session.user, session=session) == "user",
    }
    _send("reuse", session, context)


def mail_on_misuse(
    *,
    session: DeviceSession,
    family: TokenFamily,
    request: HttpRequest | None,
    details: Mapping[str, Any],
    **kwargs: Any,
) -> None:
    """Mail the user after a bound refresh token was presented without its key.

    At most one mail per token family and hour, as the signal. The templates
    ``misuse_subject.txt`` and ``misuse_body.txt`` get ``user``, ``username``, ``session``,
    ``device``, ``ip_address`` and ``time``, and in addition:

    - ``presented_by``: the client without the key.
    - ``refreshed_by``: the client of the last refresh.
    """
    if get_settings().MAIL_ON_MISUSE:
        _send("misuse", session, _describe_clients(family, request, details))


def _describe_clients(
    family: TokenFamily, request: HttpRequest | None, details: Mapping[str, Any]
) -> dict[str, Any]:
    """The client of the request and the client of the last refresh."""
    presented_by = read_device(request)
    refreshed_by = Device(
        user_agent=details["other_user_agent"], ip_address=details["other_ip_address"]
    )
    return {
        "ip_address": presented_by.ip_address,
        "time": family.now,
        "presented_by": _Unlinked(presented_by),
        "refreshed_by": _Unlinked(refreshed_by),
    }


def mail_on_new_device(
    *, session: DeviceSession, request: HttpRequest | None, **kwargs: Any
) -> None:
    """Mail the user after a login from a device without another session.

    The templates ``new_device_subject.txt`` and ``new_device_body.txt`` get ``user``,
    ``username``, ``session``, ``device``, ``ip_address`` and ``time``.
    """
    if get_settings().MAIL_ON_NEW_DEVICE and _address_of(session.user) and _is_new(session):
        context = {"ip_address": session.ip_address, "time": session.created_at}
        _send("new_device", session, context)


def _is_new(session: DeviceSession) -> bool:
    """Whether the user has other sessions and none of them has this user agent.

    The first login of an account needs no mail. An empty user agent always counts as new:
    otherwise an attacker could omit the header to avoid the mail.
    """
    using = router.db_for_write(DeviceSession)
    others = DeviceSession.objects.using(using).filter(user=session.user_id)
    others = others.exclude(pk=session.pk)
    alike = others.filter(user_agent=session.user_agent).exclude(user_agent="")
    known = others.annotate(known=Exists(alike)).values_list("known", flat=True)[:1]
    return list(known) == [False]


def _send(name: str, session: DeviceSession, context: Mapping[str, Any]) -> None:
    """Render the templates of this name and mail them to the user of the session."""
    user = session.user
    address = _address_of(user)
    if not address:
        return
    # Not the language of the request, which may be the attacker's.
    with translation.override(django_settings.LANGUAGE_CODE):
        device = remove_links(session.name) or remove_links(session.device) or _("unknown device")
        context = {
            "user": user,
            "username": _display_name(user, address),
            "session": _Unlinked(session),
            "device": device,
            **context,
        }
        subject = _render(f"{name}_subject.txt", context)
        body = _render(f"{name}_body.txt", context)
        html = _render_if_there(f"{name}_body.html", context)
    # A header is one line, even if a name contains line breaks.
    subject = " ".join(subject.split())
    mail = EmailMultiAlternatives(subject, body, to=[address], headers=_HEADERS)
    if html is not None:
        mail.attach_alternative(html, "text/html")
    mail.send()


class _Unlinked:
    """Wraps an object and removes links from its string attributes.

    The client of a login chooses the name of the device. Without the wrapper an attacker could
    send links in our mails, also through templates of the project.
    """

    def __init__(self, wrapped: object) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._wrapped, name)
        return remove_links(value) if isinstance(value, str) else value

    def __str__(self) -> str:
        return remove_links(str(self._wrapped))


def _display_name(user: AbstractBaseUser, address: str) -> str:
    """The user name without links: it may be chosen by someone who does not own the address."""
    name = user.get_username()
    return name if name == address else remove_links(name)


def _address_of(user: AbstractBaseUser) -> str:
    return getattr(user, user.get_email_field_name(), None) or ""


def _render(template: str, context: Mapping[str, Any]) -> str:
    return get_template(f"{_TEMPLATES}/{template}").render({**context})


def _render_if_there(template: str, context: Mapping[str, Any]) -> str | None:
    try:
        get_template(f"{_TEMPLATES}/{template}")
    except TemplateDoesNotExist:
        return None
    return _render(template, context)
