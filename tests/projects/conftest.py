import pytest

from tests.projects.url_mounts import MOUNTS


@pytest.fixture(params=MOUNTS)
def mount(request, settings):
    """A project that mounts endpoints and pages at one of these places."""
    settings.LOGIN_URL = "login"
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    settings.ROOT_URLCONF = MOUNTS[request.param].patterns
    return MOUNTS[request.param]
