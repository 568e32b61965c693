/* The entry of the client in the shared storage, read for display. */

const KEY = `refresh_sessions:${location.origin}/auth/`;

export const storageKey = KEY;

export const readEntry = () => localStorage.getItem(KEY);

export function writeEntry(text) {
  if (text) localStorage.setItem(KEY, text);
  else localStorage.removeItem(KEY);
}

export function readTokens() {
  try {
    return JSON.parse(readEntry()) ?? {};
  } catch {
    return {};
  }
}

/** The claims of a token, not verified. */
export function claimsOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
  } catch {
    return {};
  }
}

/** The last characters, which differ from token to token. */
export const shorten = (token) => (token ? `…${token.slice(-6)}` : "–");

/** " no. 3" for a token of this package. */
export function numberOf(token) {
  const { gen } = claimsOf(token);
  return gen ? ` no. ${gen}` : "";
}

/** Seconds until an access token expires. */
export function secondsLeft(token) {
  const { exp } = claimsOf(token);
  return exp ? Math.max(0, Math.ceil(exp - Date.now() / 1000)) : 0;
}
