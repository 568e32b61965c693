"""Session operations: log in, refresh, check, re-authenticate, revoke and prune.

The operations manage transactions and send signals. They suit any kind of login: password, social
login, passkeys, magic links.
"""

from asgiref.sync import sync_to_async

from refresh_sessions.sessions.access import (
    AccessGrant,
    acheck_access_token,
    check_access_token,
    read_grant,
)
from refresh_sessions.sessions.auth_time import (
    authenticated_at_for_token as authenticated_at_for_token,
    is_recently_authenticated,
    require_recent_authentication,
)
from refresh_sessions.sessions.device_binding import (
    register_device_key as register_device_key,
    verify_device_key as verify_device_key,
)
from refresh_sessions.sessions.families import OpenedFamily, open_family
from refresh_sessions.sessions.introspection import (
    introspect_access_token,
    introspect_refresh_token,
)
from refresh_sessions.sessions.issue import TokenPair
from refresh_sessions.sessions.login import start_session
from refresh_sessions.sessions.logout import log_out, revoke_by_holder as revoke_by_holder
from refresh_sessions.sessions.password_change import change_password
from refresh_sessions.sessions.prune import (
    count_prunable_sessions as count_prunable_sessions,
    prune_sessions,
    prune_short_lived as prune_short_lived,
)
from refresh_sessions.sessions.refresh import refresh_session
from refresh_sessions.sessions.revoke import (
    revoke_session,
    revoke_sessions,
    revoke_user_sessions,
)
from refresh_sessions.sessions.second_factor import finish_login, log_in
from refresh_sessions.sessions.step_up import (
    get_step_up_limiter as get_step_up_limiter,
    reauthenticate_session,
    record_failed_reauthentication,
    require_session_key,
)
from refresh_sessions.sessions.tickets import Ticket as Ticket, read_ticket as read_ticket

# Django's ORM has no asynchronous transactions, so these functions run in a thread.
aopen_family = sync_to_async(open_family)
alog_in = sync_to_async(log_in)
afinish_login = sync_to_async(finish_login)
astart_session = sync_to_async(start_session)
aprune_sessions = sync_to_async(prune_sessions)
aread_grant = sync_to_async(read_grant)
arefresh_session = sync_to_async(refresh_session)
areauthenticate_session = sync_to_async(reauthenticate_session)
arecord_failed_reauthentication = sync_to_async(record_failed_reauthentication)
arevoke_session = sync_to_async(revoke_session)
arevoke_sessions = sync_to_async(revoke_sessions)
arevoke_user_sessions = sync_to_async(revoke_user_sessions)
alog_out = sync_to_async(log_out)
achange_password = sync_to_async(change_password)
# These ask the methods of SECOND_FACTORS, which may read the database.
ais_recently_authenticated = sync_to_async(is_recently_authenticated)
arequire_recent_authentication = sync_to_async(require_recent_authentication)
arequire_session_key = sync_to_async(require_session_key)
aintrospect_access_token = sync_to_async(introspect_access_token)
aintrospect_refresh_token = sync_to_async(introspect_refresh_token)

__all__ = [
    "AccessGrant",
    "OpenedFamily",
    "TokenPair",
    "achange_password",
    "acheck_access_token",
    "afinish_login",
    "aintrospect_access_token",
    "aintrospect_refresh_token",
    "ais_recently_authenticated",
    "alog_in",
    "alog_out",
    "aopen_family",
    "aprune_sessions",
    "aread_grant",
    "areauthenticate_session",
    "arecord_failed_reauthentication",
    "arefresh_session",
    "arequire_recent_authentication",
    "arequire_session_key",
    "arevoke_session",
    "arevoke_sessions",
    "arevoke_user_sessions",
    "astart_session",
    "change_password",
    "check_access_token",
    "finish_login",
    "introspect_access_token",
    "introspect_refresh_token",
    "is_recently_authenticated",
    "log_in",
    "log_out",
    "open_family",
    "prune_sessions",
    "read_grant",
    "reauthenticate_session",
    "record_failed_reauthentication",
    "refresh_session",
    "require_recent_authentication",
    "require_session_key",
    "revoke_session",
    "revoke_sessions",
    "revoke_user_sessions",
    "start_session",
]
