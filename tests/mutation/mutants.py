"""One-line faults in the code that keeps tokens safe, each with the tests that have to find it."""

from __future__ import annotations

from dataclasses import dataclass

ROTATION = ("tests/unit/test_rotation.py",)
DOMAIN = ("tests/domain",)
LOGIN = ("tests/api/test_login.py", "tests/api/test_throttling.py", "tests/api/test_user_names.py")
TOKENS = (
    "tests/unit/test_tokens.py",
    "tests/unit/test_forged_tokens.py",
    "tests/unit/test_keys.py",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One line of a module, and the fault that takes its place."""

    module: str
    """Within the package."""
    line: str
    """A part of one line, which the module has once."""
    fault: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.module}: {self.line.strip()!r} as {self.fault.strip()!r}"


MUTANTS = (
    # The rotation rule.
    Mutant(
        "rotation.py",
        "if verdict is Verdict.REUSED:",
        "if verdict is Verdict.REUSED and not family.revoked:",
        ROTATION,
    ),
    Mutant("rotation.py", "if now >= family.expires_at:", "if now > family.expires_at:", ROTATION),
    Mutant(
        "rotation.py",
        "if generation == family.generation:",
        "if generation == family.oldest_usable:",
        ROTATION,
    ),
    Mutant(
        "rotation.py",
        "return family.rotated_at is not None and now - family.rotated_at < rules.overlap",
        "return family.rotated_at is not None and now - family.rotated_at <= rules.overlap",
        ROTATION,
    ),
    Mutant(
        "rotation.py",
        "return max_refreshes is None or refreshes <= max_refreshes",
        "return max_refreshes is None or refreshes < max_refreshes",
        ROTATION,
    ),
    Mutant(
        "rotation.py",
        "if family.delivered_at is None or stored_by_sibling:",
        "if family.delivered_at is not None or stored_by_sibling:",
        ROTATION,
    ),
    Mutant(
        "rotation.py",
        "if family.companion_shown and not presenter.shows_companion:",
        "if family.companion_shown and presenter.shows_companion:",
        ROTATION,
    ),
    # Refreshing.
    Mutant(
        "sessions/refresh.py",
        "if foreign or not self.claims.matches(family.secret_digest):",
        "if foreign:",
        (*DOMAIN, "tests/forgery"),
    ),
    Mutant(
        "sessions/refresh.py",
        'expected["delivered_at"] = None',
        "pass",
        (*DOMAIN, "tests/races/test_interleavings.py"),
    ),
    Mutant("sessions/rotate.py", "rotated_at__isnull=True", "rotated_at__isnull=False", DOMAIN),
    Mutant(
        "sessions/presented_token.py",
        "return same_network or device.user_agent == family.last_user_agent",
        "return same_network and device.user_agent == family.last_user_agent",
        DOMAIN,
    ),
    Mutant(
        "sessions/presented_token.py",
        "if session.reuse_detected_at is not None:",
        "if session.reuse_detected_at is None:",
        DOMAIN,
    ),
    # Checking access tokens.
    Mutant(
        "sessions/access.py",
        "if session.revoked_at is not None or family.closed_at is not None:",
        "if session.revoked_at is not None:",
        DOMAIN,
    ),
    Mutant(
        "sessions/access.py", "if not family.account_permits:", "if not family.user_found:", DOMAIN
    ),
    Mutant(
        "sessions/access.py",
        "if family.now >= min(session.expires_at, family.idle_expires_at):",
        "if family.now >= max(session.expires_at, family.idle_expires_at):",
        DOMAIN,
    ),
    Mutant(
        "sessions/access.py",
        "snapshot.subject == claims.subject and",
        "",
        DOMAIN,
    ),
    # Re-authentication.
    Mutant(
        "sessions/auth_time.py",
        "if authenticated_at is None or family.now - authenticated_at > max_age:",
        "if authenticated_at is None:",
        DOMAIN,
    ),
    Mutant(
        "sessions/auth_time.py",
        "and not lacks_second_factor(family.session.user, amr)",
        "",
        ("tests/api", *DOMAIN),
    ),
    # Tokens and keys.
    # Without the comparison of "alg" PyJWT refuses the same tokens, so that is no fault.
    Mutant("tokens/codec.py", 'header.get("typ") != typ or', "", TOKENS),
    Mutant("tokens/codec.py", '"verify_exp": verify_exp,', '"verify_exp": False,', TOKENS),
    Mutant("tokens/codec.py", '"strict_aud": True,', '"verify_aud": False,', TOKENS),
    # Transports.
    Mutant(
        "transports.py",
        "return origin is not None and not _is_own(origin, request)",
        "return False",
        ("tests/api/test_cookies.py",),
    ),
    Mutant(
        "transports.py",
        'return not _is_own(request.headers.get("Origin", ""), request)',
        "return False",
        ("tests/api/test_cookies.py",),
    ),
    # Throttles.
    Mutant(
        "rest_framework/throttling.py",
        "keys = accounts or",
        "keys =",
        LOGIN,
    ),
    Mutant(
        "rest_framework/throttling.py",
        "self.cache.set(self.key, [self.now, *history], self.duration)",
        "self.cache.set(self.key, history, self.duration)",
        ("tests/api/test_throttling.py",),
    ),
    # Accounts.
    Mutant(
        "account_access.py",
        "return all(_backend_accepts(path, user) for path in paths)",
        "return any(_backend_accepts(path, user) for path in paths)",
        ("tests/domain/test_account_access.py",),
    ),
)
