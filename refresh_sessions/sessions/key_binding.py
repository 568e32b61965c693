"""Key binding: compare the key of a request with that of its token family.

Judged before the rotation rule. A request without the key changes no family: it can neither use
nor revoke the session.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import router
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from refresh_sessions.binding.bound_cookie import read_bound_cookie
from refresh_sessions.binding.dbsc import MAX_CHALLENGE_AGE, is_dbsc_enabled
from refresh_sessions.binding.dpop import (
    DPoPProof,
    hash_access_token,
    is_dpop_enabled,
    offer_nonce,
    use_proof,
    verify_other_proof,
)
from refresh_sessions.exceptions import (
    BindingRequiredError,
    DeviceProofRequiredError,
    InvalidDPoPProofError,
    InvalidTokenError,
    ProofFault,
    RefreshSessionsError,
)
from refresh_sessions.models import Binding, TokenFamily
from refresh_sessions.policies import get_policy
from refresh_sessions.sessions.misuse import report_misuse
from refresh_sessions.tokens.access_tokens import AccessClaims

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

_MISUSE: Final = frozenset({ProofFault.MISSING, ProofFault.MALFORMED, ProofFault.KEY})
"""Faults that clients with the key do not have, whatever their clock and their proxies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBinding:
    """The binding of a new family."""

    kind: Binding = Binding.NONE
    key_thumbprint: str = ""

    def apply(self, family: TokenFamily) -> None:
        """Set the fields of a family that is not saved yet."""
        family.binding, family.key_thumbprint = self.kind.value, self.key_thumbprint


class _MisuseError(Exception):
    """A request without the key; rolls a transaction back before the misuse is recorded."""

    def __init__(self, family: TokenFamily, error: RefreshSessionsError) -> None:
        super().__init__(error)
        self.family, self.error = family, error


def read_new_binding(request: HttpRequest | None) -> NewBinding:
    """The binding of a family that a login with this request creates.

    Raises:
        InvalidDPoPProofError: the request has a header ``DPoP`` without a valid proof.
        DPoPNonceRequiredError: the proof lacks a recent nonce.

    """
    if not is_dpop_enabled():
        return NewBinding()
    proof = use_proof(request)
    return NewBinding() if proof is None else _bind(proof)


def read_binding_of_child(proof: str | None, request: HttpRequest | None) -> NewBinding:
    """The binding of a family that is opened in a session, to a key of its own.

    Args:
        proof: the proof of the key of the new family, or None.
        request: the request that the proof is for, or None.

    Raises:
        InvalidDPoPProofError: the proof is invalid.
        DPoPNonceRequiredError: the proof lacks a recent nonce.

    """
    if proof is None or request is None or not is_dpop_enabled():
        return NewBinding()
    return _bind(verify_other_proof(request, proof))


def require_bound_child(parent: TokenFamily, child: NewBinding) -> None:
    """Require a key for a family that is opened from a bound one.

    Raises:
        InvalidDPoPProofError: the proof of the key of the new family is missing.

    """
    if parent.binding and not child.kind:
        raise InvalidDPoPProofError(ProofFault.MISSING)


def require_binding(
    user: AbstractBaseUser,
    binding: str,
    *,
    request: HttpRequest | None,
    may_register: bool = False,
) -> None:
    """Refuse an unbound login or family, if the policy requires a bound one.

    Args:
        user: the user.
        binding: the binding of the login or family; empty without one.
        request: the request for the policy, or None.
        may_register: whether the browser may still register its device key, if it can do so with
            this request's transport.

    Raises:
        BindingRequiredError: the policy requires a key, which the session lacks.

    """
    if binding or not get_policy().require_binding(user, request=request):
        return
    if may_register and is_dbsc_enabled(request):
        return
    offer_nonce(request)
    raise BindingRequiredError


def may_still_register(family: TokenFamily) -> bool:
    """Whether a challenge of the last login or re-authentication may still be answered."""
    challenged_at = family.session.created_at
    if family.authenticated_at is not None:
        challenged_at = max(challenged_at, family.authenticated_at)
    return family.now - challenged_at <= MAX_CHALLENGE_AGE


def require_key(family: TokenFamily, request: HttpRequest | None) -> None:
    """Require the key of a bound family, or the cookie that a browser got for it.

    Requires nothing of other families. A browser that shows its new bound cookie for the first
    time binds the family. Call it inside of ``report_requests_without_key``.

    Raises:
        InvalidDPoPProofError: the proof is missing, invalid, or of another key.
        DPoPNonceRequiredError: the proof lacks a recent nonce.
        DeviceProofRequiredError: the bound cookie is missing, or of another family.

    """
    if not family.binding:
        if family.public_key and _shows_bound_cookie(family, request):
            confirm_device_key(family, using=router.db_for_write(TokenFamily))
        return
    if family.binding == Binding.DBSC.value:
        _require_bound_cookie(family, request)
        return
    try:
        _require_proof(request, family.key_thumbprint)
    except InvalidDPoPProofError as error:
        offer_nonce(request)
        if error.reason in _MISUSE:
            raise _MisuseError(family, error) from None
        raise


@contextmanager
def report_requests_without_key(request: HttpRequest | None) -> Iterator[None]:
    """Record the misuse of a bound token, after the rollback of the caller's transaction.

    Raises:
        InvalidDPoPProofError, DeviceProofRequiredError: as ``require_key``.

    """
    try:
        yield
    except _MisuseError as misuse:
        report_misuse(misuse.family, misuse.error, request)
        raise misuse.error from None


@contextmanager
def hide_misuse() -> Iterator[None]:
    """Raise the error of ``require_key`` without a report, where no key is expected."""
    try:
        yield
    except _MisuseError as misuse:
        raise misuse.error from None


def check_access_token_key(
    claims: AccessClaims, token: str, *, with_key: bool, request: HttpRequest | None
) -> None:
    """Require the key of a bound access token (RFC 9449 §7).

    Args:
        claims: the claims of the verified token.
        token: the encoded token.
        with_key: whether the token was presented with the scheme ``DPoP``, and not ``Bearer``.
        request: the request with the proof, or None.

    Raises:
        InvalidTokenError: a bound token with the scheme ``Bearer``, or the reverse.
        InvalidDPoPProofError: the proof is missing, invalid, of another key or another token.
        DPoPNonceRequiredError: the proof lacks a recent nonce.

    """
    if with_key != bool(claims.key_thumbprint):
        raise InvalidTokenError
    if not with_key:
        return
    try:
        proof = _require_proof(request, claims.key_thumbprint)
        _require_digest(proof, token)
    except InvalidDPoPProofError:
        offer_nonce(request)
        raise


def confirm_device_key(family: TokenFamily, *, using: str) -> None:
    """Bind a family to the registered key of a browser, once the browser has shown it.

    Not at the registration itself: a browser that does not receive the response has no session
    for the key, and would be refused from then on.
    """
    families = TokenFamily.objects.using(using).filter(pk=family.pk, binding="")
    families.update(binding=Binding.DBSC.value)
    family.binding = Binding.DBSC.value


def _bind(proof: DPoPProof) -> NewBinding:
    return NewBinding(kind=Binding.DPOP, key_thumbprint=proof.key.thumbprint)


def _shows_bound_cookie(family: TokenFamily, request: HttpRequest | None) -> bool:
    cookie = read_bound_cookie(request)
    return cookie is not None and cookie.matches(family.pk, family.key_thumbprint)


def _require_bound_cookie(family: TokenFamily, request: HttpRequest | None) -> None:
    cookie = read_bound_cookie(request)
    if cookie is None:
        # No misuse: the browser may be late to renew its cookie.
        raise DeviceProofRequiredError
    if not cookie.matches(family.pk, family.key_thumbprint):
        raise _MisuseError(family, DeviceProofRequiredError())


def _require_proof(request: HttpRequest | None, thumbprint: str) -> DPoPProof:
    """The proof of a request, which must be of the key with this thumbprint."""
    proof = use_proof(request, thumbprint=thumbprint)
    if proof is None:
        raise InvalidDPoPProofError(ProofFault.MISSING)
    return proof


def _require_digest(proof: DPoPProof, token: str) -> None:
    digest = proof.token_digest
    if not isinstance(digest, str) or not constant_time_compare(digest, hash_access_token(token)):
        raise InvalidDPoPProofError(ProofFault.ACCESS_TOKEN)
