"""Contents of the presets. Tests of their effect are in tests/standards."""

from datetime import timedelta

import pytest

from refresh_sessions import presets
from refresh_sessions.conf import Settings, get_settings, parse_settings

PRESETS = {name: getattr(presets, name) for name in ("STRICT", "AAL2", "AAL3")}
each = pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)


@each
def test_preset_alone_is_valid_settings(preset, settings):
    settings.REFRESH_SESSIONS = preset
    assert {key: getattr(get_settings(), key) for key in preset} == dict(preset)


@each
def test_preset_differs_from_defaults(preset):
    assert parse_settings(preset) != Settings()


@each
def test_preset_is_immutable(preset):
    with pytest.raises(TypeError):
        preset["LEEWAY"] = timedelta(0)


def test_strict_preset_combines_with_each_level():
    for name in ("AAL2", "AAL3"):
        assert not PRESETS["STRICT"].keys() & PRESETS[name].keys()


def test_aal3_preset_is_shorter_than_aal2_in_each_key():
    assert presets.AAL2.keys() == presets.AAL3.keys()
    assert all(presets.AAL3[key] < limit for key, limit in presets.AAL2.items())


@pytest.mark.parametrize("level", [presets.AAL2, presets.AAL3], ids=["AAL2", "AAL3"])
def test_active_client_refreshes_before_idle_limit_of_preset(level):
    assert 2 * level["ACCESS_TOKEN_LIFETIME"] < level["REFRESH_TOKEN_LIFETIME"]
    assert level["REFRESH_TOKEN_LIFETIME"] < level["SESSION_LIFETIME"]
