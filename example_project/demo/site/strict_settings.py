"""Settings for the page in strict mode: a used refresh token always revokes the session."""

from example_project.demo.site.settings import *  # noqa: F403
from example_project.demo.site.settings import REFRESH_SESSIONS as DEFAULT_REFRESH_SESSIONS
from refresh_sessions import presets

REFRESH_SESSIONS = {
    **DEFAULT_REFRESH_SESSIONS,
    **presets.STRICT,
    # Browsers share cookies among ports: the cookie belongs to the default mode.
    "COMPANION_COOKIE": "off",
}

DEMO_MODE = "strict"
