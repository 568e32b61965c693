"""URLconf of the front end: its page, the module, and the API with each transport."""

from datetime import timedelta

from django.contrib.staticfiles.views import serve
from django.http import HttpResponse
from django.urls import include, path

from refresh_sessions.policies import SessionPolicy
from tests.factories import PASSWORD
from tests.urls import WhoAmI

LOGIN_LIFETIME = timedelta(seconds=2)
"""The lifetime of the access token of a login."""

PAGE = f"""<!doctype html><html lang="en"><title>Front end</title><script type="module">
const [, run, , transport] = location.pathname.split("/");
const {{ createClient }} = await import(`/${{run}}/static/refresh_sessions/client.js`);
const askIdentity = () => "{PASSWORD}";
const baseUrl = `/${{run}}/${{transport}}/auth`;
window.client = createClient({{ baseUrl, transport, askIdentity }});
window.events = [];
client.onChange((event) => events.push(event));
const failure = ({{ action, code }}) => ({{ action, code }});
window.call = (path) =>
  client.fetch(`/${{run}}/${{path}}`).then((answer) => answer.json(), failure);
</script></html>"""


class Policy(SessionPolicy):
    """A login gives a short access token, a refresh a long one.

    So the stories need not wait long for an expiry, and the tokens of a refresh do not expire
    before the last tab of a slow machine has used them.
    """

    def access_token_lifetime(self, user, *, session, request):
        if request is not None and request.path.endswith("/login/"):
            return LOGIN_LIFETIME
        return super().access_token_lifetime(user, session=session, request=request)


def front_end(request, transport):
    return HttpResponse(PAGE)


urlpatterns = [
    path("front-end/<transport>/", front_end),
    path("who-am-i/", WhoAmI.as_view()),
    path("body/auth/", include("refresh_sessions.urls_body")),
    path("cookie/auth/", include("refresh_sessions.urls_cookie")),
    # Without DEBUG, Django serves files only to those who insist.
    path("static/<path:path>", serve, {"insecure": True}),
]
