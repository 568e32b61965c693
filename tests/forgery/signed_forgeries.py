"""Tokens with a genuine signature that must be refused.

An external attacker cannot make them. They represent another service with the same key, a retired
key, and errors of the package that would confuse two kinds of tokens.
"""

from __future__ import annotations

from typing import Any

from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.tokens.claims import MAX_GENERATION
from refresh_sessions.tokens.keys import Purpose
from tests.forgery.tokens import Targets, changed, encode, key_of, sign
from tests.forgery.unsigned_forgeries import Named

OTHER = {Purpose.ACCESS: Purpose.REFRESH, Purpose.REFRESH: Purpose.ACCESS}

KIDS: list[Any] = [
    *("", "unknown", "../../../dev/null", "/etc/passwd", "..\\..\\nul", "file:///dev/null"),
    *("' OR 1=1 --", "' UNION SELECT 'secret' --", "a|whoami", "$(id)", "${jndi:ldap://x}"),
    *("\x00", "x\r\ny", "https://attacker.example/k", "\ud800", "k" * 2000),
    *(7, 0, None, True, [], {}, ["a"], 1.5),
]
PLACES: list[Any] = ["https://attacker.example/k", {}, [], None, ""]
CRITICAL: list[Any] = [["exp"], ["b64"], [], ["unheard-of"], "exp", None, {}]
TYPES: list[Any] = [
    *("JWT", "jwt", "AT+JWT", "at+JWT", "RT+JWT", "application/at+jwt", "application/rt+jwt"),
    *("at+jwt ", "id+jwt", "secevent+jwt", "", None, 7, [], ["at+jwt"], {}),
]
BAD: dict[str, list[Any]] = {
    "iss": ["", "other", None, 7, ["refresh_sessions"], "refresh_sessions ", "REFRESH_SESSIONS"],
    "exp": [None, "", "soon", "4102444800", True, [], {}, 1.5, 4102444800.0, 10**20, 1e400],
    "nbf": [2**33, 1e400, "later", [], True + 2**40],
    "gen": [
        0,
        -1,
        True,
        False,
        "1",
        1.0,
        1e400,
        None,
        [],
        {},
        MAX_GENERATION + 1,
        2**63,
        -(2**63),
    ],
    "sid": ["", "x", 7, None, [], {}, "{00000000-0000-4000-8000-000000000000}", "0" * 32],
    "fid": ["", "x", 7, None, [], {}, "urn:uuid:00000000-0000-4000-8000-000000000000"],
}
BAD_BY_KIND: dict[Purpose, dict[str, list[Any]]] = {
    Purpose.ACCESS: {
        "aud": [
            "",
            "other",
            None,
            7,
            [],
            {},
            ["refresh_sessions.access"],
            "refresh_sessions#refresh",
        ],
        "sub": ["", None, 7, [], {}, True],
        "jti": ["", None, 7, []],
        "iat": [None, "now", 1.5, [], True],
        "amr": [None, 7, [7], [""], [None], 1.5],
        "auth_time": [None, "now", 1.5, True, []],
        "client_id": ["", None, 7, []],
    },
    Purpose.REFRESH: {
        "aud": ["", "other", None, 7, [], ["refresh_sessions#refresh"], "refresh_sessions.access"],
        "secret": ["", "x", None, 7, [], "x" * 21, "x" * 23, "x" * 21 + "=", "ä" * 22],
    },
}
REQUIRED: dict[Purpose, list[str]] = {
    Purpose.ACCESS: [
        *("iss", "aud", "sub", "exp", "iat", "jti", "client_id"),
        *("sid", "fid", "gen", "amr"),
    ],
    Purpose.REFRESH: ["iss", "aud", "exp", "sid", "fid", "gen", "secret"],
}


def signed_forgeries(targets: Targets, purpose: Purpose) -> Named:
    """Yield all forgeries of one kind of token; none is accepted anywhere, logout included."""
    yield from with_other_headers(targets, purpose)
    yield from with_other_claims(targets, purpose)
    yield from of_other_kind(targets, purpose)
    yield from (
        (f"retired {key.algorithm}", changed(targets, purpose, header={"kid": kid}, key=key))
        for key in targets.retired
        for kid in (key.kid, targets.header(purpose)["kid"])
        if key.algorithm == key_of(purpose).algorithm
    )


def with_other_headers(targets: Targets, purpose: Purpose) -> Named:
    own = targets.header(purpose)["typ"]
    for name in ("kid", "typ", "alg"):
        yield f"no {name}", changed(targets, purpose, drop=name)
    for kid in KIDS:
        yield f"kid {str(kid)[:20]!r}", changed(targets, purpose, header={"kid": kid})
    for typ in TYPES:
        if typ != own:
            yield f"typ {typ!r}", changed(targets, purpose, header={"typ": typ})
    for name in ("jku", "jwk", "x5u", "x5c"):
        for value in PLACES:
            yield f"{name} {value!r}", changed(targets, purpose, header={name: value})
    for crit in CRITICAL:
        yield f"crit {crit!r}", changed(targets, purpose, header={"crit": crit})
    yield "unencoded", changed(targets, purpose, header={"b64": False, "crit": ["b64"]})
    yield "unencoded, unsaid", changed(targets, purpose, header={"b64": False})


def with_other_claims(targets: Targets, purpose: Purpose) -> Named:
    for name in REQUIRED[purpose]:
        yield f"no {name}", changed(targets, purpose, drop=name)
    for name, values in (BAD | BAD_BY_KIND[purpose]).items():
        for value in values:
            yield f"{name} {str(value)[:24]!r}", changed(targets, purpose, claims={name: value})
    header = targets.header(purpose)
    claims = encode(targets.claims(purpose))
    for name, second in {"gen": b"0", "aud": b'"other"', "sid": b"7", "exp": b"NaN"}.items():
        twice = claims[:-1] + b', "%s": %s}' % (name.encode(), second)
        yield f"{name} twice", sign(header, twice, key_of(purpose))
    for bad in (b"[]", b'"x"', b"7", b"null", b"", b"{", b"[" * 1400, b"\xff", claims[:-1]):
        yield f"payload {bad[:8]!r}", sign(header, bad, key_of(purpose))
    nested = {"token": targets.token(purpose), "cty": "JWT"}
    yield "nested", sign({**header, "cty": "JWT"}, nested, key_of(purpose))
    yield (
        "within",
        sign({**header, "cty": "JWT"}, targets.token(purpose).encode(), key_of(purpose)),
    )


def of_other_kind(targets: Targets, purpose: Purpose) -> Named:
    """Claims of one kind as a token of the other; the kinds differ in key, type and audience."""
    other = OTHER[purpose]
    mine, others = key_of(purpose), key_of(other)
    for kid in (mine.kid, others.kid):
        for algorithm in (mine.algorithm, others.algorithm):
            header = {**targets.header(purpose), "kid": kid, "alg": algorithm}
            if (kid, algorithm) != (mine.kid, mine.algorithm):
                yield (
                    f"my key as {kid[:4]}/{algorithm}",
                    sign(header, targets.claims(purpose), mine),
                )
            yield (
                f"other key as {kid[:4]}/{algorithm}",
                sign(header, targets.claims(purpose), others),
            )
    typ = {"typ": targets.header(other)["typ"]}
    aud = {"aud": targets.claims(other)["aud"]}
    yield "typ of the other", changed(targets, purpose, header=typ)
    yield "aud of the other", changed(targets, purpose, claims=aud)
    both = {**targets.claims(other), **targets.claims(purpose), **aud}
    yield "all claims of both", sign({**targets.header(purpose), **typ}, both, mine)


def contradictory(targets: Targets) -> Named:
    """Yield well-formed tokens that contradict the database; they are refused and revoke nothing.

    For a logout they count as tokens of a session that has ended.
    """
    sid = {"sid": str(targets.sibling.session.pk)}
    fid = {"fid": str(targets.sibling.family.pk)}
    strange = {"fid": str(targets.stranger.family.pk)}
    nobody = {"fid": "00000000-0000-4000-8000-000000000000"}
    for purpose in (Purpose.ACCESS, Purpose.REFRESH):
        for name, claims in {"sid": sid, "fid": fid, "strange": strange, "nobody": nobody}.items():
            yield f"{purpose} {name} of another", changed(targets, purpose, claims=claims)
    stolen = refresh_claims(targets.sibling)
    for name, claims in {
        "a guessed secret": {"secret": refresh_tokens.new_secret()},
        "a sibling's secret": {"secret": stolen["secret"]},
        "a sibling's secret and session": {"secret": stolen["secret"], **sid},
        "a guessed secret and a higher generation": {"secret": "A" * 22, "gen": 9},
    }.items():
        yield name, changed(targets, Purpose.REFRESH, claims=claims)


def refresh_claims(pair: Any) -> dict[str, Any]:
    return Targets(victim=pair, sibling=None, stranger=None).claims(Purpose.REFRESH)
