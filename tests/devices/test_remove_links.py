"""Texts that mail programs do not turn into links."""

import re

import pytest

from refresh_sessions.devices import SHORT_LENGTH, remove_links

LINK = re.compile(
    r"\w+:/?\S"  # a scheme
    r"|\w[.\u2024\u3002\ufe52\uff0e\uff61](?=[^\W\d])"  # a domain
    r"|\w[@\ufe6b\uff20]\w"  # an address
    r"|//|\\\\"
    r"|%[0-9A-Fa-f]{2}"
)


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/login",
        "HTTP://evil.example",
        "evil.example",
        "www.evil.example",
        "Your account at evil.example/login?x=1 is locked",
        "//evil.example",
        "http:evil.example",
        "mailto:ada@evil.example",
        "ada@evil.example",
        "ada\uff20evil\uff0eexample",
        "evil。example",
        "evil｡example",
        "evil\u2024example",
        "evil.xn--p1ai",
        "зло.рф",
        "邪悪.中国",
        "https\uff1a//evil\uff0eexample",
        "tel:+15551234",
        "javascript:alert(1)",
        "\\\\evil\\share",
        "file:///etc/passwd",
        "%65vil%2Eexample",
        "http://[2001:db8::1]/",
        "a.b.c.d.e",
        "evil.example.",
        "évil.éxample",
    ],
)
def test_unlinked_text_contains_no_link(text):
    assert LINK.search(text)
    shown = remove_links(text)
    assert not LINK.search(shown), shown
    assert remove_links(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ada's phone",
        "Shop/1.2.3",
        "curl/8.1",
        "Chrome 121.0.6167.85 on macOS 14.3",
        "192.0.2.1",
        "St. Louis, USA",
        "Büro (2. Stock), 50 %",
        "Pixel 7: work",
        "گوشی\u200cمن",
    ],
)
def test_unlinked_text_without_links_is_unchanged(text):
    assert remove_links(text) == text


def test_unlinked_text_separates_at_invisible_characters():
    assert remove_links("evil.\u200dexample") == "evil. \u200dexample"


@pytest.mark.parametrize("between", ["\n", "\r\n", "\x0b", "\x85", "\u2028", "\u202e", "\t"])
def test_unlinked_text_is_one_line(between):
    assert remove_links(f"a{between}b") == "a b"


def test_unlinked_text_is_short():
    assert len(remove_links("a.b" * 500)) == SHORT_LENGTH
