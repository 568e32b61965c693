"""One-line faults in the code that keeps tokens safe, each with the tests that have to find it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.mutation.binding_faults import BINDING_FAULTS

ROTATION = ("tests/unit/test_rotation.py",)
DOMAIN = ("tests/domain",)
LOGIN = ("tests/api/test_login.py", "tests/api/test_throttling.py", "tests/api/test_user_names.py")
CACHE = ("tests/domain/test_cached_access.py", "tests/outages/test_circuit.py")
BINDING = ("tests/binding", "tests/races/test_bound_families.py")
TOKENS = ("tests/forgery/test_codec.py",)

CODEC_FAULTS = (
    ("codec.py", "if len(token) > MAX_LENGTH:", "if False:"),
    ("codec.py", 'header.get("typ") != keys.typ or', ""),
    ("codec.py", " or _REFUSED_HEADERS & header.keys()", ""),
    ("codec.py", '{"jku", "jwk",', '{"jku",'),
    ("codec.py", ', "crit", "b64"})', ', "b64"})'),
    ("codec.py", ', "crit", "b64"})', ', "crit"})'),
    ("codec.py", 'if header.get("alg") != key.algorithm:', "if False:"),
    ("codec.py", "if not key.verify(", "if None is key.verify("),
    ("codec.py", "if None in map(claims.get, required):", "if False:"),
    ("codec.py", "if None in map(claims.get, required):", "if not {*required} <= claims.keys():"),
    ("codec.py", 'for name in ("nbf", "exp"):', 'for name in ("exp",):'),
    ("codec.py", 'for name in ("nbf", "exp"):', 'for name in ("nbf",):'),
    ("codec.py", "type(claims[name]) is not int:", "not isinstance(claims[name], int):"),
    ("codec.py", 'claims.get("nbf", 0) > now + leeway', "False"),
    ("codec.py", 'claims.get("nbf", 0) > now + leeway', 'claims.get("nbf", 0) > now'),
    ("codec.py", 'claims["exp"] <= now - leeway', 'claims["exp"] < now - leeway'),
    ("codec.py", 'claims["exp"] <= now - leeway', 'claims["exp"] <= now'),
    ("codec.py", 'if verify_exp and "exp" in claims', 'if "exp" in claims'),
    ("codec.py", 'if verify_exp and "exp" in claims', 'if False and "exp" in claims'),
    ("codec.py", 'if claims.get("iss") != issuer:', "if False:"),
    ("codec.py", ' or claims.get("aud") != audience:', ":"),
    ("codec.py", 'claims.get("aud") != audience:', 'audience not in claims.get("aud", ""):'),
    ("codec.py", "if not audience or ", "if "),
    ("codec.py", 'not isinstance(claims.get("sub", ""), str) or ', ""),
    ("codec.py", ' or not isinstance(claims.get("jti", ""), str):', ":"),
    ("segments.py", "if encode_segment(decoded) != segment:", "if False:"),
    ("segments.py", "if len(members) != count:", "if False:"),
    ("segments.py", "if not math.isfinite(value):", "if False:"),
    ("segments.py", "parse_constant=_refuse", "parse_constant=float"),
    ("segments.py", "if not isinstance(members, dict):", "if False:"),
    ("segments.py", "data.decode()", "json.dumps(json.loads(data))"),
    ("prepared_keys.py", "if problem := implementation.check_key_length(verifier):", "if False:"),
)
"""Module of ``tokens``, line and fault: each check of the codec, the segments and the keys."""


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
    *(Mutant(f"tokens/{module}", line, fault, TOKENS) for module, line, fault in CODEC_FAULTS),
    *(Mutant(module, line, fault, BINDING) for module, line, fault in BINDING_FAULTS),
    Mutant(
        "tokens/keys/symmetric.py",
        "jwt.get_algorithm_by_name(name).prepare_key(secret)",
        "pass",
        ("tests/unit/test_key_errors.py",),
    ),
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
    # Checking access tokens with a cache.
    Mutant(
        "sessions/access_cache.py",
        "return Snapshot(*fields) if stamp and found == stamp else None",
        "return Snapshot(*fields) if stamp else None",
        CACHE,
    ),
    Mutant(
        "sessions/access_cache.py",
        "if snapshot is not None and not circuit.trusts(snapshot.read_at):",
        "if not stamp:",
        CACHE,
    ),
    Mutant("sessions/access_cache.py", "if circuit.starts_repair():", "if False:", CACHE),
    Mutant("cache/circuit.py", "self._trusted_since = math.inf", "pass", CACHE),
    Mutant(
        "cache/circuit.py",
        "if epoch == self.epoch and self._trusted_since == math.inf:",
        "if self._trusted_since == math.inf:",
        CACHE,
    ),
    Mutant(
        "sessions/revoke.py",
        "access_cache.revoke((session.pk for session in sessions)",
        "(lambda *args, **options: None)((session.pk for session in sessions)",
        CACHE,
    ),
    Mutant(
        "cache/client.py",
        "            self._disconnect()",
        "            pass",
        ("tests/outages/test_redis_client.py",),
    ),
)
