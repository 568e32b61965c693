"""Tokens with a genuine signature that must be refused all the same.

Nobody outside can make them. They stand for another service that was given the key, a key that
was retired, and the mistakes of ours that would let one token pass for another.
"""

from __future__ import annotations

from typing import Any

from refresh_sessions.tokens import refresh_tokens
from refresh_sessions.tokens.claims import MAX_GENERATION
from refresh_sessions.tokens.keys import Purpose
from tests.forgery.tokens import Scene, changed, key_of, packed, sign
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


def signed_forgeries(scene: Scene, purpose: Purpose) -> Named:
    """All of them, for a token of one kind. None is good for anything, signing out included."""
    yield from with_other_headers(scene, purpose)
    yield from with_other_claims(scene, purpose)
    yield from of_other_kind(scene, purpose)
    yield from (
        (f"retired {key.algorithm}", changed(scene, purpose, header={"kid": kid}, key=key))
        for key in scene.retired
        for kid in (key.kid, scene.header(purpose)["kid"])
        if key.algorithm == key_of(purpose).algorithm
    )


def with_other_headers(scene: Scene, purpose: Purpose) -> Named:
    own = scene.header(purpose)["typ"]
    for name in ("kid", "typ", "alg"):
        yield f"no {name}", changed(scene, purpose, drop=name)
    for kid in KIDS:
        yield f"kid {str(kid)[:20]!r}", changed(scene, purpose, header={"kid": kid})
    for typ in TYPES:
        if typ != own:
            yield f"typ {typ!r}", changed(scene, purpose, header={"typ": typ})
    for name in ("jku", "jwk", "x5u", "x5c"):
        for value in PLACES:
            yield f"{name} {value!r}", changed(scene, purpose, header={name: value})
    for crit in CRITICAL:
        yield f"crit {crit!r}", changed(scene, purpose, header={"crit": crit})
    yield "unencoded", changed(scene, purpose, header={"b64": False, "crit": ["b64"]})
    yield "unencoded, unsaid", changed(scene, purpose, header={"b64": False})


def with_other_claims(scene: Scene, purpose: Purpose) -> Named:
    for name in REQUIRED[purpose]:
        yield f"no {name}", changed(scene, purpose, drop=name)
    for name, values in (BAD | BAD_BY_KIND[purpose]).items():
        for value in values:
            yield f"{name} {str(value)[:24]!r}", changed(scene, purpose, claims={name: value})
    header = scene.header(purpose)
    claims = packed(scene.claims(purpose))
    for name, second in {"gen": b"0", "aud": b'"other"', "sid": b"7", "exp": b"NaN"}.items():
        twice = claims[:-1] + b', "%s": %s}' % (name.encode(), second)
        yield f"{name} twice", sign(header, twice, key_of(purpose))
    for bad in (b"[]", b'"x"', b"7", b"null", b"", b"{", b"[" * 1400, b"\xff", claims[:-1]):
        yield f"payload {bad[:8]!r}", sign(header, bad, key_of(purpose))
    nested = {"token": scene.token(purpose), "cty": "JWT"}
    yield "nested", sign({**header, "cty": "JWT"}, nested, key_of(purpose))
    yield "within", sign({**header, "cty": "JWT"}, scene.token(purpose).encode(), key_of(purpose))


def of_other_kind(scene: Scene, purpose: Purpose) -> Named:
    """Claims of one kind in the clothes of the other: each has its own key, type and audience."""
    other = OTHER[purpose]
    mine, others = key_of(purpose), key_of(other)
    for kid in (mine.kid, others.kid):
        for algorithm in (mine.algorithm, others.algorithm):
            header = {**scene.header(purpose), "kid": kid, "alg": algorithm}
            if (kid, algorithm) != (mine.kid, mine.algorithm):
                yield f"my key as {kid[:4]}/{algorithm}", sign(header, scene.claims(purpose), mine)
            yield (
                f"other key as {kid[:4]}/{algorithm}",
                sign(header, scene.claims(purpose), others),
            )
    typ = {"typ": scene.header(other)["typ"]}
    aud = {"aud": scene.claims(other)["aud"]}
    yield "typ of the other", changed(scene, purpose, header=typ)
    yield "aud of the other", changed(scene, purpose, claims=aud)
    both = {**scene.claims(other), **scene.claims(purpose), **aud}
    yield "all claims of both", sign({**scene.header(purpose), **typ}, both, mine)


def contradictory(scene: Scene) -> Named:
    """Well-formed, and in contradiction to the database: accepted nowhere, and ending nothing.

    Signing out with one is answered as signing out of what has ended already.
    """
    sid = {"sid": str(scene.sibling.session.pk)}
    fid = {"fid": str(scene.sibling.family.pk)}
    strange = {"fid": str(scene.stranger.family.pk)}
    nobody = {"fid": "00000000-0000-4000-8000-000000000000"}
    for purpose in Purpose:
        for name, claims in {"sid": sid, "fid": fid, "strange": strange, "nobody": nobody}.items():
            yield f"{purpose} {name} of another", changed(scene, purpose, claims=claims)
    stolen = refresh_claims(scene.sibling)
    for name, claims in {
        "a guessed secret": {"secret": refresh_tokens.new_secret()},
        "a sibling's secret": {"secret": stolen["secret"]},
        "a sibling's secret and session": {"secret": stolen["secret"], **sid},
        "a guessed secret and a higher generation": {"secret": "A" * 22, "gen": 9},
    }.items():
        yield name, changed(scene, Purpose.REFRESH, claims=claims)


def refresh_claims(pair: Any) -> dict[str, Any]:
    return Scene(victim=pair, sibling=None, stranger=None).claims(Purpose.REFRESH)
