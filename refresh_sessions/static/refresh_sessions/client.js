/**
 * Client of the REST API of django-refresh-sessions: docs/client.md.
 * @import { Action, Change, Client, Data, ErrorDetails, Options, Proof, Tokens } from "refresh-sessions-client/types"
 */

const TIMEOUT = 3000; // Below a third of ROTATION_OVERLAP: docs/rotation.md.
const PATIENCE = 15000; // For passwords, Retry-After, and the lock, which a suspended tab may hold.

const STALE = /^(not_authenticated|token_not_valid|session_revoked)$/;
const FINAL = /^(not_authenticated|token_not_valid|session_revoked|session_expired)$/;

const JSON_BODY = { "Content-Type": "application/json" };

const ADVICE = {
  login: "Log in again.",
  reauthenticate: "Call reauthenticate().",
  retry: "Try again later; the tokens are kept.",
  fix: "Correct the call or the options.",
};

/** An error that says what to do. */
export class SessionError extends Error {
  /** @param {Action} action @param {string} code @param {string} detail @param {ErrorDetails} [details] */
  constructor(action, code, detail, { cause, status = 0, retryAfter, data = {} } = {}) {
    super(`${detail} ${ADVICE[action]}`, { cause });
    this.name = "SessionError";
    this.action = action;
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
    this.data = data;
  }
}

const noSession = () => new SessionError("login", "logged_out", "There is no session.");
const replaced = () => new SessionError("retry", "replaced", "Another tab has replaced the tokens.");

/** The result, or undefined after an error. @param {() => any} run @returns {any} */
const attempt = (run) => {
  try {
    const result = run();
    return result instanceof Promise ? result.catch(() => undefined) : result;
  } catch {
    return undefined;
  }
};

/** @param {any} token @returns {Data} Not verified. */
const claimsOf = (token) => attempt(() => JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")))) ?? {};

/** @param {Response} response */
function refuseRedirect({ type, status, url }) {
  if (type !== "opaqueredirect" && !/^30[12378]/.test(`${status}`)) return;
  throw new SessionError("fix", "redirected", `${url} redirects, but tokens follow no redirect: use the final URL.`);
}

/** @param {Response & { action?: Action }} response @param {any} data */
function errorOf({ status, headers, action: advised }, data) {
  const code = data?.code ?? `http_${status}`;
  /** @type {Action} */
  let action = "fix";
  if (/^(reauthentication_(required|failed)|proof_incomplete)$/.test(code)) action = "reauthenticate";
  else if (status > 499 || /408|409|425|429/.test(`${status}`)) action = "retry";
  else if ((status === 401 && data?.code) || /^(session_|reauthentication_u)/.test(code)) action = "login";
  const after = headers.get("Retry-After");
  const until = (Date.parse(`${after}`) - Date.parse(`${headers.get("Date")}`)) / 1000;
  const retryAfter = after ? Math.max(+after >= 0 ? +after : until || 0, 0) : undefined;
  return new SessionError(advised ?? action, code, data?.detail ?? `The server answered ${status}.`, { status, retryAfter, data });
}

/** @param {Options} options @returns {Client} */
export function createClient({
  baseUrl,
  transport = "body",
  storage = attempt(() => globalThis.localStorage),
  origins = [],
  credentials = transport === "body" ? "same-origin" : "include",
  fields = {},
  askIdentity,
  onWarning = (error) => console.warn(`${error}`),
  name,
  dpop,
  locks = globalThis.navigator?.locks,
  fetch = (...request) => globalThis.fetch(...request),
}) {
  const inBody = transport === "body";
  const store = inBody ? storage : null;
  const base = attempt(() => new URL(baseUrl.replace(/\/*$/, "/"), globalThis.location?.href));
  if (!base) throw new SessionError("fix", "base_url", `baseUrl "${baseUrl}" is not absolute.`);
  const key = name ?? `refresh_sessions:${base}`;
  const lostKey = `${key}:lost`; // Of all tabs, with both transports.
  const trusted = [base, ...origins].map((url) => new URL(url).origin);
  const channel = attempt(() => new BroadcastChannel(key));
  const jitter = 0.1 + 0.15 * Math.random();
  /** @type {Set<Parameters<Client["onChange"]>[0]>} */
  const listeners = new Set();

  /** @type {Tokens | null} */
  let memory = null;
  let inMemory = !store;
  let noCookie = false;
  let epoch = 0; // Counts logins and logouts.
  let lastRefresh = -1000;
  /** @type {number[] | null} */
  let lost = null; // Refreshes in a row without an answer: their number, and the time of the last one.
  let blockedUntil = 0;
  /** @type {any} */
  let blockedBy;
  /** @type {any} */
  let ticket;
  /** @type {Promise<any>} */
  let queue = Promise.resolve();
  /** @type {Data} */
  const running = {};

  /** Parallel calls share one run. @param {string} task @param {() => Promise<any>} run */
  const join = (task, run) => (running[task] ??= run().finally(() => delete running[task]));

  /** @param {string} field */
  const nameOf = (field) => fields[field] ?? field;

  /** @returns {Promise<Tokens | null>} */
  async function load() {
    let text;
    try {
      text = await store?.getItem(key);
    } catch (error) {
      warn(error);
    }
    return text ? attempt(() => JSON.parse(`${text}`)) : inMemory ? memory : null;
  }

  /** @param {Tokens | null} tokens */
  async function save(tokens) {
    memory = tokens;
    try {
      await (tokens ? store?.setItem(key, JSON.stringify(tokens)) : store?.removeItem(key));
      inMemory = !store;
    } catch (error) {
      warn(error);
      // A used token in the storage would count as reuse later.
      await attempt(() => store?.removeItem(key));
    }
  }

  /** @param {number[] | null} value */
  const setLost = (value) => {
    lost = value;
    return attempt(() => (value ? storage?.setItem(lostKey, `[${value}]`) : storage?.removeItem(lostKey)));
  };

  /** @param {unknown} cause */
  function warn(cause) {
    if (!inMemory) onWarning(new SessionError("fix", "storage", `No storage (${cause}): the tokens end with this tab.`, { cause }));
    inMemory = true;
  }

  /** @param {Tokens | null} tokens */
  const isLoggedOut = (tokens) => (inBody ? !tokens?.refresh : noCookie);

  /** @param {Change} type */
  function tell(type, remote = false) {
    if (type !== "refresh") {
      epoch++;
      noCookie = type === "logout";
    }
    if (!remote) channel?.postMessage(type);
    for (const listener of listeners) listener({ type, remote });
  }

  if (channel) {
    channel.unref?.();
    channel.onmessage = (/** @type {MessageEvent} */ { data }) => {
      if (data === "logout" || (data === "login" && !inBody)) memory = null;
      if (/^(login|logout|refresh)$/.test(data)) tell(data, true);
    };
  }

  async function forget() {
    await save(null);
    if (dpop) await proofs().then(({ drop }) => drop(binding)).catch(onWarning);
    tell("logout");
    await setLost(null);
  }

  /** @param {Data} answer @param {Tokens | null} before @param {Change} type */
  async function keep({ data, now }, before, type, former = lost) {
    const access = data[nameOf("access")];
    const refresh = data[nameOf("refresh")] || before?.refresh;
    if (!access || (inBody && !refresh)) {
      const missing = nameOf(access ? "refresh" : "access");
      throw new SessionError("fix", "no_token", `No "${missing}" in the answer: set fields as FIELD_NAMES, transport as TRANSPORT.`, { data });
    }
    const ttl = Date.parse(data[nameOf("access_expires_at")]) - (now || claimsOf(access).iat * 1000);
    await save({ ...before, access, refresh: inBody ? refresh : undefined, at: Date.now(), ttl: ttl > 0 ? ttl : undefined });
    tell(type);
    await setLost(data[nameOf("refresh_expires_at")] ? null : former);
    return access;
  }

  /** The headers of a call. @param {string} [token] @returns {Record<string, string>} */
  const authorize = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

  /** POST a body, or GET. @param {string} path @param {Data} [body] @param {string} [access] */
  async function send(path, body, access, timeout = TIMEOUT) {
    const url = base + path;
    let response, text;
    try {
      response = await fetch(url, {
        method: body ? "POST" : "GET",
        headers: { ...JSON_BODY, ...authorize(access) },
        body: JSON.stringify(body),
        credentials,
        redirect: "manual",
        signal: AbortSignal.timeout(timeout),
      });
      text = await response.text();
    } catch (cause) {
      throw new SessionError("retry", "no_answer", `${url} did not answer.`, { cause });
    }
    refuseRedirect(response);
    const { headers, ok, status } = response;
    const data = attempt(() => JSON.parse(text));
    if (!ok) throw errorOf(response, data);
    if (Object(data) !== data && status !== 204) {
      throw new SessionError("retry", "not_json", `The answer of ${url} is not JSON. Check baseUrl and the network.`);
    }
    return { data, now: Date.parse(`${headers.get("Date")}`) };
  }

  /** Run under the lock of all tabs. @template T @param {() => Promise<T>} run @returns {Promise<T>} */
  async function locked(run) {
    let granted = false;
    try {
      if (locks) return await locks.request(key, { signal: AbortSignal.timeout(PATIENCE) }, () => ((granted = true), run()));
    } catch (error) {
      if (granted) throw error;
    }
    return (queue = queue.then(run, run));
  }

  /** @param {string} [refused] The access token to replace. */
  const refresh = (refused) => join("refresh", () => refreshWithRetries(refused));

  /** @param {string} [refused] */
  async function refreshWithRetries(refused) {
    refused ??= (await load())?.access;
    for (let tries = 0; ; tries++) {
      const blocked = blockedUntil - performance.now();
      if (blocked > PATIENCE) throw blockedBy;
      // At most one refresh per second, whatever the server answers.
      const pause = Math.max(blocked, lastRefresh + 1000 - performance.now());
      if (pause > 0) await new Promise((done) => setTimeout(done, pause));
      try {
        return await locked(() => exchange(refused));
      } catch (error) {
        if (error.action !== "retry" && error.code !== "device_proof_required") throw error;
        const wait = 1000 * (error.retryAfter ?? 2 ** tries * (0.5 + Math.random()));
        blockedUntil = performance.now() + wait;
        blockedBy = error;
        if (tries > 2 || wait > PATIENCE) throw error;
      }
    }
  }

  /** @param {string} [refused] @returns {Promise<string>} */
  async function exchange(refused) {
    await waitForNetwork();
    const before = await load();
    if (before?.access && before.access !== refused) return before.access;
    if (isLoggedOut(before)) throw noSession();
    const isCurrent = sameSession(before);
    const former = lost;
    await setLost([(former?.[0] ?? 0) + 1, Date.now()]);
    lastRefresh = performance.now();
    const answer = await outcomeOf("refresh/", before);
    if (await isCurrent()) {
      if (!(answer instanceof SessionError)) return keep(answer, before, "refresh", former);
      if (answer.action !== "retry" || answer.data.code) await setLost(former);
      if (FINAL.test(answer.code)) await forget();
      throw answer;
    }
    // Another tab has replaced the tokens: discard the answer.
    const now = await load();
    if (isLoggedOut(now)) throw noSession();
    if (now?.access) return now.access;
    throw replaced();
  }

  /** The server ends a session after eight lost answers in a row. */
  async function waitForNetwork() {
    const shared = await attempt(() => storage?.getItem(lostKey));
    if (shared !== undefined) lost = attempt(() => JSON.parse(shared));
    const [count, at] = lost ?? [0, 0];
    const pause = count < 8 ? 1000 * 4 ** (count - 3) : 3_600_000;
    const age = Date.now() - at;
    if (age >= 0 && age < pause) {
      throw new SessionError("retry", "no_answer", "Refreshes had no answer.", { retryAfter: (pause - age) / 1000 });
    }
    const probe = count && (await send("sessions/").catch((error) => error));
    if (probe.action === "retry") throw probe;
  }

  /** @param {Tokens | null} before */
  function sameSession(before) {
    const started = epoch;
    return async () => (inBody ? (await load())?.refresh === before?.refresh : epoch === started);
  }

  /** Send the refresh token; the answer or the error. @param {string} path @param {Tokens | null} tokens @returns {Promise<any>} */
  const outcomeOf = (path, tokens) => send(path, inBody ? { [nameOf("refresh")]: tokens?.refresh } : {}).catch((error) => error);

  async function access() {
    const tokens = await load();
    if (isLoggedOut(tokens)) return undefined;
    const { access, at = 0, ttl = NaN } = tokens ?? {};
    const age = Date.now() - at;
    if (!access || age < 0 || age >= ttl) return refresh(access);
    // Listeners of onChange know of a logout.
    if (ttl - age < ttl * jitter) refresh(access).catch((/** @type {any} */ error) => error.action === "login" || onWarning(error));
    return access;
  }

  /** @param {string | URL} url */
  const isTrusted = (url) => trusted.includes(new URL(url, base).origin);

  const binding = { dpop, name: key, base, storage: store, nameOf, claimsOf, fetch, onWarning };
  const proofs = () => import("./client-dpop.js");
  if (dpop) fetch = async (...request) => (await proofs()).send(binding, ...request);

  /** @type {Client["headers"]} */
  async function headers(url, method = "GET") {
    const token = isTrusted(url) && (await access());
    return dpop && token ? (await proofs()).headers(binding, url, method, token) : authorize(token || undefined);
  }

  /** @type {Client["recover"]} */
  async function recover(body, sent, nonce) {
    const code = body?.code;
    const token = sent.Authorization?.split(" ")[1];
    if (!token && code === "not_authenticated") throw noSession();
    if (token && code === "reauthentication_required") {
      if ((await load())?.access === token) await join("ask", ask);
    } else if (token && STALE.test(code)) await refresh(token);
    else return !!dpop && (await proofs()).repeat(binding, body, sent, nonce);
    return true;
  }

  /** @type {Client["fetch"]} */
  async function sessionFetch(input, init) {
    const request = new Request(input instanceof Request ? input : new URL(input, base), init);
    for (let tries = 1; ; tries++) {
      const sent = await headers(request.url, request.method);
      const manual = sent.Authorization && request.redirect === "follow";
      const call = new Request(request.clone(), manual ? { redirect: "manual" } : {});
      for (const field in sent) call.headers.set(field, sent[field]);
      const response = await fetch(call);
      if (manual) refuseRedirect(response);
      if (response.status !== 401 || tries > 3 || !isTrusted(request.url)) return response;
      if (!(await recover(await response.clone().json().catch(() => null), sent))) return response;
    }
  }

  /** @param {string} path @param {Data} body */
  const start = (path, body) =>
    locked(async () => {
      const answer = await send(path, body, undefined, PATIENCE);
      await keep(answer, null, "login");
      blockedUntil = 0;
      ticket = undefined;
      return { session: answer.data[nameOf("session")] };
    });

  /** @param {Proof} proof @param {number} [tries] @returns {Promise<void>} */
  async function reauthenticate(proof, tries = 3) {
    const body = typeof proof === "string" ? { [nameOf("password")]: proof } : proof;
    const token = await access();
    if (!token) throw noSession();
    try {
      await locked(async () => {
        const before = await load();
        const isCurrent = sameSession(before);
        const answer = await send("reauthenticate/", body, before?.access, PATIENCE);
        if (!(await isCurrent())) throw replaced();
        await keep(answer, before, "refresh");
      });
    } catch (error) {
      const stale = STALE.test(error.code);
      // After a lost answer, the server accepts the same call once more.
      if (!tries || !(stale || error.code === "no_answer")) throw stale ? replaced() : error;
      if (stale) await refresh(token);
      return reauthenticate(proof, tries - 1);
    }
  }

  /** @param {SessionError} [error] @returns {Promise<void>} */
  async function ask(error) {
    const proof = await askIdentity?.(error);
    if (!proof) throw error ?? new SessionError("reauthenticate", "reauthentication_required", "The last authentication is too old.");
    return reauthenticate(proof).catch((failure) => {
      if (failure.action !== "reauthenticate") throw failure;
      return ask(failure);
    });
  }

  /** @param {string} method @param {string} path @param {Data} [body] @returns {Promise<any>} */
  async function manage(method, path, body) {
    const response = await sessionFetch(`${base}sessions/${path}`, { method, credentials, headers: JSON_BODY, body: JSON.stringify(body) });
    const data = await response.json().catch(() => null);
    if (!response.ok) throw errorOf(response, data);
    return data;
  }

  const pathOf = (/** @type {string} */ id) => `${encodeURIComponent(id)}/`;

  return {
    async login(username, password, { deviceName, ...more } = {}) {
      const body = { ...more, [nameOf("username")]: username, [nameOf("password")]: password, [nameOf("device_name")]: deviceName };
      return start("login/", body).catch((error) => {
        if (error.code !== "mfa_required") throw error;
        ({ ticket } = error.data);
        return { methods: error.data.methods };
      });
    },
    async verify(values) {
      if (!ticket) throw noSession();
      return start("login/verify/", { ...values, ticket });
    },
    logout: () =>
      locked(async () => {
        const tokens = await load();
        if (isLoggedOut(tokens)) return;
        const answer = await outcomeOf("logout/", tokens);
        const failure = answer instanceof SessionError && !FINAL.test(answer.code) && answer;
        // Without an answer, the browser still has the cookie.
        if (inBody || !failure) await forget();
        if (failure) throw failure;
      }),
    reauthenticate: (proof) => reauthenticate(proof),
    refresh: () => refresh(),
    fetch: sessionFetch,
    access,
    headers,
    recover,
    loggedIn: () =>
      access().then(Boolean, (error) => {
        if (error.action === "login") return false;
        throw error;
      }),
    sessions: {
      list: () => manage("GET", ""),
      rename: (id, name) => manage("PATCH", pathOf(id), { name }),
      async revoke(id) {
        await manage("DELETE", pathOf(id));
        if (claimsOf((await load())?.access).sid === id) await locked(forget);
      },
      revokeOthers: () => manage("POST", "revoke-others/"),
      async revokeAll() {
        const result = await manage("POST", "revoke-all/");
        await locked(forget);
        return result;
      },
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => channel?.close(),
  };
}
