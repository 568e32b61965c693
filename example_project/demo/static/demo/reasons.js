/* Why an action ended as it did, by mode; "yes" if the client has tokens, "no" if not. */

const login = "Three tabs share one session. Press a button.";

export const bothOut = "The session is revoked for both; only Ada has the password to log in again.";

export const takenOver =
  "The attacker has exchanged Ada's token, so it is on the blacklist. The attacker stays.";

const locks = "The tabs are loaded anew. Press “All tabs refresh”.";

const tied = "Ada has logged in anew. Press “Steal the token”, then “Attacker uses it”.";

/** What to say while Ada's session is tied to a key in her browser. */
export const withKey = {
  tie: "The session is tied to a key in Ada’s browser, which no script can copy. Press “Steal the token”.",
  steal: "The attacker has copied the refresh token. The key of Ada's browser cannot be copied.",
  attack: "The copy is useless without the key. Ada stays logged in, and an event records the attempt.",
};

export const reasons = {
  tie: { default: tied, strict: tied },
  locks: { default: locks, strict: locks, simplejwt: locks },
  login: { default: login, strict: login, simplejwt: login },
  refresh: {
    default: { yes: "One rotation, and all tabs continue." },
    strict: {
      yes: "One tab refreshes for all. Without Web Locks, a race may log Ada out.",
      no: "Parallel tabs presented one token. All but the first counted as reuse.",
    },
    simplejwt: {
      yes: "One tab refreshes for all. Without Web Locks, the answer depends on a race.",
      no: "Parallel tabs presented one token. It was on the blacklist after the first request.",
    },
  },
  lose: {
    default: { yes: "The client repeated the refresh with the same token, and the server accepted it again." },
    strict: { no: "The client repeated the refresh with the same token. That counted as reuse." },
    simplejwt: { no: "The client repeated the refresh, but its token was on the blacklist." },
  },
  crash: {
    default: { yes: "The tabs came back with the token of before the crash, and the server accepted it." },
    strict: { no: "The tabs came back with the token of before the crash. That counted as reuse." },
    simplejwt: { no: "The tabs came back with a token that was on the blacklist." },
  },
  steal: {
    default: "The attacker has copied the refresh token from the shared storage.",
    strict: "The attacker has copied the refresh token from the shared storage.",
    simplejwt: "The attacker has copied the refresh token from the shared storage.",
  },
  attack: {
    default: {
      yes: "The attacker has tokens. The next refresh of Ada's tabs, or of the attacker, detects it.",
      later: "Ada has just refreshed, and the attacker lacks her cookie: no token. The attacker tries again.",
      no: `Reuse is detected. ${bothOut}`,
    },
    strict: {
      yes: "The attacker has tokens. The next refresh of Ada's tabs detects it.",
      no: `Reuse is detected. ${bothOut}`,
    },
    simplejwt: {
      yes: "The attacker has tokens. The next refresh logs Ada out, and the attacker stays.",
      no: "The token was on the blacklist.",
    },
  },
  phone: {
    default: { no: "The next call of each tab was refused." },
    strict: { no: "The next call of each tab was refused." },
  },
  staff: {
    default: { no: "The next call of each tab was refused." },
    strict: { no: "The next call of each tab was refused." },
    simplejwt: {
      yes: "Her refresh tokens are on the blacklist. The access token is valid until it expires.",
    },
  },
};
