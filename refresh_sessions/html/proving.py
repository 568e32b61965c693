"""Fresh proof of identity before other devices are signed out (ASVS 7.5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import redirect_to_login
from django.db import router
from django.http import HttpResponse
from django.utils.translation import gettext

from refresh_sessions.conf import get_settings
from refresh_sessions.database import retry_when_busy
from refresh_sessions.html.base import DevicesPage
from refresh_sessions.html.forms import ProofForm
from refresh_sessions.html.freshness import is_fresh, note_proof
from refresh_sessions.html.throttling import wait_before_proof
from refresh_sessions.models import DeviceSession, EventKind
from refresh_sessions.sessions.recording import record


class ProvingPage(DevicesPage):
    """Asks before it does something, and for a proof of identity where there is no fresh one.

    The form of the question is sent to the address that asked: what is to be done is in that
    address, so nothing about it has to be kept or believed.
    """

    template_name = "refresh_sessions/confirm.html"
    sign_in_again_template_name = "refresh_sessions/sign_in_again.html"
    proof_form_class = ProofForm
    http_method_names = ("get", "head", "options", "post")

    def describe_question(self) -> dict[str, Any]:
        """``heading``, ``text`` and ``button`` of the question."""
        raise NotImplementedError

    def needs_proof(self) -> bool:
        """Whether the person has to prove who they are before this is done."""
        if not get_settings().REAUTHENTICATE_TO_REVOKE:
            return False
        return not is_fresh(self.request, self.owner)

    def ask(self) -> HttpResponse:
        """Ask whether to do it, and for a proof if one is needed."""
        if not self.needs_proof():
            return self.show_question(None)
        form = self.proof_form_class(user=self.owner, request=self.request)
        return self.show_question(form) if form.fields else self.refuse()

    def demand_proof(self) -> HttpResponse | None:
        """The answer to a request that lacks a proof, or None if it may go on."""
        if not self.needs_proof():
            return None
        form = self.proof_form_class(self.submitted, user=self.owner, request=self.request)
        if not form.is_filled_in():
            return self.ask()
        wait = wait_before_proof(self.request)
        if wait is not None:
            text = gettext("Please wait a little and try again.")
            return self.ask_to_wait(gettext("Too many tries"), text, status=429, wait=wait)
        return self.examine_proof(form)

    def examine_proof(self, form: ProofForm) -> HttpResponse | None:
        """Look at the proof that came along, and remember it or ask again."""
        if form.is_valid():
            # A proof of identity is worth a new session key (ASVS 7.2.4); and the check may have
            # stored the password with a newer hash, of which Django's session has to know.
            user: Any = self.owner
            update_session_auth_hash(self.request, user)
            note_proof(self.request, user, methods=form.proven_by)
            self.record(EventKind.REAUTHENTICATED, form.proven_by)
            return None
        if form.failed_by:
            self.record(EventKind.REAUTHENTICATION_FAILED, form.failed_by)
        return self.show_question(form)

    def record(self, kind: EventKind, methods: Sequence[str]) -> None:
        """Record what came of it, if this browser has a device session to record it with."""
        session = self.current_session
        if session is None:
            return
        using = router.db_for_write(DeviceSession)
        retry_when_busy(
            using,
            lambda: record(
                [session.pk],
                kind,
                request=self.request,
                using=using,
                actor=self.owner,
                details={"methods": list(methods)},
            ),
        )

    def show_question(self, form: ProofForm | None) -> HttpResponse:
        """Show the question, with the form of the proof where one is needed."""
        context = self.get_context_data(form=form, **self.describe_question())
        return self.render_to_response(context)

    def refuse(self) -> HttpResponse:
        """Tell those who have nothing to prove their identity by how to go on."""
        context = self.get_context_data(
            heading=gettext("Please sign in again"),
            login_url=redirect_to_login(self.list_url, self.get_login_url()).url,
        )
        return self.response_class(
            request=self.request,
            template=[self.sign_in_again_template_name],
            context=context,
            using=self.template_engine,
            status=403,
        )
