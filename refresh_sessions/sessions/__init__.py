"""The verbs: start, refresh, end and check sessions. Transactions and signals live here.

Any sign-in flow can use them: a password, social login, passkeys, magic links.
"""

from asgiref.sync import sync_to_async

from refresh_sessions.sessions.attempts import step_ups_of
from refresh_sessions.sessions.checking import (
    AccessGrant,
    check_access_token,
    check_access_token_and_load_user,
    read_grant,
)
from refresh_sessions.sessions.families import OpenedFamily, open_family
from refresh_sessions.sessions.introspecting import (
    introspect_access_token,
    introspect_refresh_token,
)
from refresh_sessions.sessions.issuing import TokenPair
from refresh_sessions.sessions.password_change import change_password
from refresh_sessions.sessions.proving import is_fresh, proof_by, require_fresh_proof
from refresh_sessions.sessions.pruning import count_prunable_sessions, prune_sessions
from refresh_sessions.sessions.pruning_events import count_prunable_events, prune_events
from refresh_sessions.sessions.pruning_short_lived import prune_short_lived
from refresh_sessions.sessions.reauthenticating import note_failed_proof, reauthenticate_session
from refresh_sessions.sessions.refreshing import refresh_session
from refresh_sessions.sessions.revoking import (
    revoke_session,
    revoke_sessions,
    revoke_user_sessions,
)
from refresh_sessions.sessions.second_step import finish_sign_in, sign_in
from refresh_sessions.sessions.signing_out import end_by_holder, sign_out
from refresh_sessions.sessions.starting import start_session
from refresh_sessions.sessions.tickets import Ticket, read_ticket

# Django's ORM has no asynchronous transactions yet, so the twins run in a thread.
aopen_family = sync_to_async(open_family)
asign_in = sync_to_async(sign_in)
afinish_sign_in = sync_to_async(finish_sign_in)
astart_session = sync_to_async(start_session)
arefresh_session = sync_to_async(refresh_session)
areauthenticate_session = sync_to_async(reauthenticate_session)
anote_failed_proof = sync_to_async(note_failed_proof)
arevoke_session = sync_to_async(revoke_session)
arevoke_sessions = sync_to_async(revoke_sessions)
arevoke_user_sessions = sync_to_async(revoke_user_sessions)
asign_out = sync_to_async(sign_out)
achange_password = sync_to_async(change_password)
# A coroutine could not load the user when it is first used.
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
    "afinish_sign_in",
    "aintrospect_access_token",
    "aintrospect_refresh_token",
    "anote_failed_proof",
    "aopen_family",
    "areauthenticate_session",
    "arefresh_session",
    "arevoke_session",
    "arevoke_sessions",
    "arevoke_user_sessions",
    "asign_in",
    "asign_out",
    "astart_session",
    "change_password",
    "check_access_token",
    "count_prunable_events",
    "count_prunable_sessions",
    "end_by_holder",
    "finish_sign_in",
    "introspect_access_token",
    "introspect_refresh_token",
    "is_fresh",
    "note_failed_proof",
    "open_family",
    "proof_by",
    "prune_events",
    "prune_sessions",
    "prune_short_lived",
    "read_grant",
    "read_ticket",
    "reauthenticate_session",
    "refresh_session",
    "require_fresh_proof",
    "revoke_session",
    "revoke_sessions",
    "revoke_user_sessions",
    "sign_in",
    "sign_out",
    "start_session",
    "step_ups_of",
]
