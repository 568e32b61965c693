"""Mails to people about their sessions: a token that was used twice, a sign-in from a new device.

Off by default: ``MAIL_ON_REUSE`` and ``MAIL_ON_NEW_DEVICE`` turn them on. The texts are templates
under ``refresh_sessions/mail/`` that a project may override. The receivers hear signals that are
sent after the commit and robustly: a mail that cannot be sent is logged and harms nothing.
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
from refresh_sessions.signals import refresh_token_reused, session_started

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_TEMPLATES: Final = "refresh_sessions/mail"

# Nobody's holiday notice is to answer (RFC 3834).
_HEADERS: Final = {"Auto-Submitted": "auto-generated"}


def connect() -> None:
    """Have the receivers below called. They look at the settings each time."""
    for signal, receiver in (
        (refresh_token_reused, mail_on_reuse),
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
    """Tell the user that a used refresh token of their session came back.

    The templates ``reuse_subject.txt`` and ``reuse_body.txt`` get, besides ``user``, ``username``,
    ``session``, ``device``, ``ip_address`` and ``time``: ``presented_by`` and ``refreshed_by``,
    the two of whom one has no right to the token, ``after_end``, whether the session had ended
    before, and ``everywhere``, whether all sessions of the user were ended.
    """
    if not get_settings().MAIL_ON_REUSE:
        return
    presented_by = read_device(request)
    refreshed_by = Device(
        user_agent=details["other_user_agent"], ip_address=details["other_ip_address"]
    )
    context = {
        "ip_address": presented_by.ip_address,
        "time": family.now,
        "presented_by": _Unlinked(presented_by),
        "refreshed_by": _Unlinked(refreshed_by),
        "after_end": details.get("after_end", False),
        "everywhere": get_policy().reuse_ends(session.user, session=session) == "user",
    }
    _send("reuse", session, context)


def mail_on_new_device(
    *, session: DeviceSession, request: HttpRequest | None, **kwargs: Any
) -> None:
    """Tell the user of a sign-in from a device that no other session of theirs came from.

    The templates ``new_device_subject.txt`` and ``new_device_body.txt`` get ``user``,
    ``username``, ``session``, ``device``, ``ip_address`` and ``time``.
    """
    if get_settings().MAIL_ON_NEW_DEVICE and _address_of(session.user) and _is_new(session):
        context = {"ip_address": session.ip_address, "time": session.created_at}
        _send("new_device", session, context)


def _is_new(session: DeviceSession) -> bool:
    """Whether no other session has this user agent, and there is another at all.

    The first sign-in of an account is news to nobody. A client that does not say what it is may
    be any device, so it is never a known one: otherwise saying nothing would be the way to come
    in unheard.
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
    # The language of the request would be that of whoever sent it, who may be the thief.
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
    # Whatever stands in a name, a header is one line.
    subject = " ".join(subject.split())
    mail = EmailMultiAlternatives(subject, body, to=[address], headers=_HEADERS)
    if html is not None:
        mail.attach_alternative(html, "text/html")
    mail.send()


class _Unlinked:
    """An object whose texts hold no link; templates of the project's own get at no others.

    Whoever signs in chooses what a device is called, and a mail that we send vouches for it.
    """

    def __init__(self, wrapped: object) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._wrapped, name)
        return remove_links(value) if isinstance(value, str) else value

    def __str__(self) -> str:
        return remove_links(str(self._wrapped))


def _display_name(user: AbstractBaseUser, address: str) -> str:
    """The user name; whoever registered chose it, and perhaps with another's address."""
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
