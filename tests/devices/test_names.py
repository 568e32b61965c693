"""Device names, with and without ua-parser."""

import pytest
from django.utils import translation
from hypothesis import example, given, strategies as st

from refresh_sessions.devices import (
    SHORT_LENGTH,
    ClientHints,
    browsers,
    name_device,
    names,
    shorten,
)
from refresh_sessions.models import DeviceSession
from tests.devices.agents import AGENTS
from tests.interpreters import run_afresh

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"{MAC} Chrome/141.0.0.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/141.0.0.0 Mobile Safari/537.36"
)
PIXEL = ClientHints(platform="Android", model="Pixel 7", mobile=True)


@pytest.fixture
def ua_parser():
    return pytest.importorskip("ua_parser")


@pytest.fixture
def without(monkeypatch):
    """Pretend that the extra is not installed."""
    monkeypatch.setattr(browsers, "can_parse", lambda: False)
    names._read_client.cache_clear()
    yield
    names._read_client.cache_clear()


@pytest.mark.usefixtures("ua_parser")
class TestName:
    @pytest.mark.parametrize(("kind", "name", "user_agent"), AGENTS)
    def test_device_name_is_read_from_user_agent(self, kind, name, user_agent):
        assert name_device(user_agent, ClientHints()) == name

    @pytest.mark.parametrize(
        ("user_agent", "hints", "name"),
        [
            (PHONE, PIXEL, "Chrome on Pixel 7"),
            (PHONE, ClientHints(model="SM-S918B"), "Chrome on Samsung SM-S918B"),
            (PHONE, ClientHints(model="Pixel 7", brand="Brave"), "Brave on Pixel 7"),
            (CHROME, ClientHints(brand="Brave", platform="macOS"), "Brave on macOS"),
            (CHROME, ClientHints(brand="Vivaldi"), "Vivaldi on macOS"),
            # The user agent is frozen, the hint is not.
            (CHROME, ClientHints(platform="Linux"), "Chrome on Linux"),
            (CHROME, ClientHints(platform="Plan 9"), "Chrome on macOS"),
            ("", PIXEL, "Pixel 7"),
            ("", ClientHints(platform="Windows"), "Windows"),
            ("", ClientHints(platform="Plan 9"), "Plan 9"),
        ],
    )
    def test_device_name_is_read_from_client_hints(self, user_agent, hints, name):
        assert name_device(user_agent, hints) == name

    def test_device_name_of_session_is_its_default_label(self):
        session = DeviceSession(user_agent=PHONE, client_hints=PIXEL.to_store())
        assert session.device == str(session) == "Chrome on Pixel 7"
        session.name = "Ada's phone"
        assert (str(session), session.device) == ("Ada's phone", "Chrome on Pixel 7")

    def test_device_name_is_computed_once(self, monkeypatch):
        assert name_device(CHROME, ClientHints()) == "Chrome on macOS"
        monkeypatch.setattr(names, "find_browser", pytest.fail)
        assert name_device(CHROME, ClientHints()) == "Chrome on macOS"

    def test_device_name_is_in_the_active_language(self, monkeypatch):
        def in_german(message):
            german = {"%(browser)s on %(system)s": "%(browser)s auf %(system)s"}
            return german[message] if translation.get_language() == "de" else message

        monkeypatch.setattr(names, "_", in_german)
        assert name_device(CHROME, ClientHints()) == "Chrome on macOS"
        with translation.override("de"):
            assert name_device(CHROME, ClientHints()) == "Chrome auf macOS"

    # Parts of user agents, in any order and number.
    pieces = st.sampled_from(
        [
            *("(", ")", ";", "/", " ", "; K)", " wv)", "Android 14; ", "Mozilla/5.0 (", "%00%0a/"),
            *("Electron/1 ", "iPhone", "Shop/1 ", "\x00", "\ud800", "\u202e", "Build/"),
        ]
    )

    @given(st.lists(pieces, max_size=200).map("".join) | st.text(max_size=600))
    @example("Mozilla/5.0 (" * 400)
    @example("%" * 600 + "/1")
    def test_device_name_of_any_text_is_one_short_line(self, sent):
        name = name_device(sent, ClientHints(model=shorten(sent)))
        assert len(name) <= SHORT_LENGTH
        assert name.isprintable()
        assert name == " ".join(name.split())


@pytest.mark.usefixtures("without")
class TestWithoutUaParser:
    @pytest.mark.parametrize(
        ("user_agent", "hints", "name"),
        [
            ("Shop/1.2   (iPhone)", ClientHints(), "iPhone, the Shop app"),
            (CHROME, ClientHints(platform="macOS"), "Chrome on macOS"),
            (CHROME.replace(" Chrome", " Novel"), ClientHints(), "macOS"),
            ("Nobody knows/this", ClientHints(), "Nobody knows"),
            ("?", ClientHints(), "?"),
            ("", PIXEL, "Pixel 7"),
            ("", ClientHints(platform="Android"), "Android"),
            ("", ClientHints(), ""),
        ],
    )
    def test_device_name_without_ua_parser_is_that_of_common_client(self, user_agent, hints, name):
        assert name_device(user_agent, hints) == name

    def test_most_device_names_are_the_same_without_ua_parser(self):
        """The others lack a brand, or belong to rare browsers and to bots."""
        other = [name for _, name, agent in AGENTS if name_device(agent, ClientHints()) != name]
        assert len(other) <= len(AGENTS) / 6
        common = {"Chrome", "Edge", "Firefox", "Opera", "Safari", "Vivaldi"}
        systems = {"Windows", "macOS", "Linux", "iPhone", "iPad", "Android"}
        assert not {f"{browser} on {system}" for browser in common for system in systems} & {
            *other
        }


def test_device_name_without_ua_parser_installed_is_available():
    program = (
        "import importlib.util as util, sys\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'ua_parser' else find(name, *rest)\n"
        "sys.modules['ua_parser'] = None\n"
        "from django.conf import settings; settings.configure(USE_I18N=False)\n"
        "from refresh_sessions.devices import ClientHints, name_device\n"
        "print(name_device('Shop/1.2', ClientHints()))\n"
    )
    assert run_afresh(program) == "Shop\n"
