"""Session operations: log in, refresh, check, re-authenticate, revoke and prune.

The operations manage transactions and send signals. They suit any kind of login: password, social
login, passkeys, magic links.
"""

from asgiref.sync import sync_to_async

from refresh_sessions.sessions.access import (
    AccessGrant,
    check_access_token,
    check_access_token_and_load_user,
    read_grant,
)
from refresh_sessions.sessions.auth_time import (
    authenticated_at_for_token,
    is_recently_authenticated,
    require_recent_authentication,
)
from refresh_sessions.sessions.families import OpenedFamily, open_family
from refresh_sessions.sessions.introspection import (
    introspect_access_token,
    introspect_refresh_token,
)
from refresh_sessions.sessions.issue import TokenPair
from refresh_sessions.sessions.login import start_session
from refresh_sessions.sessions.logout import log_out, revoke_by_holder
from refresh_sessions.sessions.password_change import change_password
from refresh_sessions.sessions.prune import (
    count_prunable_sessions,
    prune_sessions,
    prune_short_lived,
)
from refresh_sessions.sessions.refresh import refresh_session
from refresh_sessions.sessions.revoke import (
    revoke_session,
    revoke_sessions,
    revoke_user_sessions,
)
from refresh_sessions.sessions.second_factor import finish_login, log_in
from refresh_sessions.sessions.step_up import (
    get_step_up_limiter,
    reauthenticate_session,
    record_failed_reauthentication,
)
from refresh_sessions.sessions.tickets import Ticket, read_ticket

# Django's ORM has no asynchronous transactions, so these functions run in a thread.
aopen_family = sync_to_async(open_family)
alog_in = sync_to_async(log_in)
afinish_login = sync_to_async(finish_login)
astart_session = sync_to_async(start_session)
arefresh_session = sync_to_async(refresh_session)
areauthenticate_session = sync_to_async(reauthenticate_session)
arecord_failed_reauthentication = sync_to_async(record_failed_reauthentication)
arevoke_session = sync_to_async(revoke_session)
arevoke_sessions = sync_to_async(revoke_sessions)
arevoke_user_sessions = sync_to_async(revoke_user_sessions)
alog_out = sync_to_async(log_out)
achange_password = sync_to_async(change_password)
# Loads the user as well: a coroutine cannot load it on first use.
acheck_access_token = sync_to_async(check_access_token_and_load_user)
aintrospect_access_token = sync_to_async(introspect_access_token)
aintrospect_refresh_token = sync_to_async(introspect_refresh_token)

__all__ = [
    "AccessGrant",
    "OpenedFamily",
    "Ticket",
    "TokenPair",
    "achange_password",
    "acheck_access_token",
    "afinish_login",
    "aintrospect_access_token",
    "aintrospect_refresh_token",
    "alog_in",
    "alog_out",
    "aopen_family",
    "areauthenticate_session",
    "arecord_failed_reauthentication",
    "arefresh_session",
    "arevoke_session",
    "arevoke_sessions",
    "arevoke_user_sessions",
    "astart_session",
    "authenticated_at_for_token",
    "change_password",
    "check_access_token",
    "count_prunable_sessions",
    "finish_login",
    "get_step_up_limiter",
    "introspect_access_token",
    "introspect_refresh_token",
    "is_recently_authenticated",
    "log_in",
    "log_out",
    "open_family",
    "prune_sessions",
    "prune_short_lived",
    "read_grant",
    "read_ticket",
    "reauthenticate_session",
    "record_failed_reauthentication",
    "refresh_session",
    "require_recent_authentication",
    "revoke_by_holder",
    "revoke_session",
    "revoke_sessions",
    "revoke_user_sessions",
    "start_session",
]
