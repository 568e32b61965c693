/** A server in virtual time with the rule of docs/rotation.md, and a network with faults. */

const CONFIRM_AFTER = 60_000;
const MAX_RECOVERIES = 8;
export const ACCESS_LIFETIME = 15 * 60_000;
export const BASE = "https://api.example/auth/";
export const PASSWORD = "secret";

const encode = (data) => Buffer.from(JSON.stringify(data)).toString("base64url");
const decode = (token) => JSON.parse(Buffer.from(String(token).split(".")[1], "base64url").toString());
const makeToken = (claims) => `h.${encode(claims)}.s`;

const error = (status, code, more = {}) => ({ status, body: { detail: `Detail of ${code}.`, code, ...more } });

export class FakeServer {
  sessions = new Map();
  log = []; // [path, status or fault] of each request.
  issued = 0;
  overlap = 10_000;
  lifetime = ACCESS_LIFETIME;
  secondFactor = false;
  stepUp = false; // Calls of /api/sensitive/ need a recent authentication.
  seen = []; // Requests to the API, with their bodies.

  constructor(clock) {
    this.clock = clock;
  }

  count = (path, status) => this.log.filter(([p, s]) => p === path && (status === undefined || s === status)).length;

  /** @returns {{ status: number, body?: any, cookie?: string | null }} */
  answer(method, path, { body, cookie, companion, authorization }) {
    const bearer = authorization?.replace("Bearer ", "");
    const presented = this.transport === "cookie" ? cookie : body?.refresh;
    if (path === "/auth/login/") return this.login(body, cookie);
    if (path === "/auth/login/verify/") return body.otp === "123456" ? this.open(cookie) : error(401, "second_factor_failed");
    if (path === "/auth/refresh/") return this.refresh(presented, companion);
    if (path === "/auth/logout/") return this.logout(presented);
    const [session, refusal] = this.check(bearer);
    if (refusal) return refusal;
    if (path === "/auth/reauthenticate/") return this.reauthenticate(session, bearer, body, companion === session.id);
    if (path === "/api/public/") return { status: 200, body: {} };
    const sensitive = path === "/api/sensitive/" || (method !== "GET" && path.startsWith("/auth/sessions/"));
    if (sensitive && this.stepUp && decode(bearer).auth !== session.authenticated) return error(401, "reauthentication_required");
    if (path === "/auth/sessions/revoke-all/") return { status: 200, body: { revoked: this.revoke(session) } };
    if (path === "/auth/sessions/revoke-others/") return { status: 200, body: { revoked: 0 } };
    if (path === "/auth/sessions/") return { status: 200, body: [{ id: session.id, is_current: true }] };
    if (path.startsWith("/auth/sessions/")) {
      if (method === "DELETE") this.revoke(session);
      return method === "DELETE" ? { status: 204 } : { status: 200, body: { id: session.id, ...body } };
    }
    return { status: 200, body: { sid: session.id } };
  }

  revoke(session, reason = "user") {
    session.ended ??= reason;
    return 1;
  }

  login({ username, password }, cookie) {
    if (username !== "ada" || password !== PASSWORD) return error(401, "no_active_account");
    if (this.secondFactor) return error(401, "mfa_required", { ticket: "t", methods: [{ name: "otp" }] });
    return this.open(cookie);
  }

  open(cookie) {
    if (cookie && this.transport === "cookie") this.revoke(this.sessions.get(decode(cookie).sid), "logout");
    const id = `s${this.sessions.size + 1}`;
    const session = { id, generation: 1, redeemable: null, rotated: null, delivered: null, shown: false, authenticated: 1 };
    this.sessions.set(id, session);
    return this.tokens(session, { refresh: true, auth: 1, session: { id }, companion: id });
  }

  tokens(session, { refresh, auth = 0, gen = session.generation, ...more }) {
    const now = Math.floor(this.clock.now / 1000) * 1000;
    const iso = new Date(now + this.lifetime).toISOString();
    const claims = { sid: session.id, gen, iat: now / 1000, exp: now + this.lifetime, auth, n: this.issued++ };
    const body = { access: makeToken(claims), access_expires_at: iso, ...(more.session && { session: more.session }) };
    const token = refresh && makeToken({ sid: session.id, gen: session.generation, auth });
    if (token) body.refresh_expires_at = iso;
    if (token && this.transport !== "cookie") body.refresh = token;
    return { status: 200, body, cookie: this.transport === "cookie" ? token || undefined : undefined, companion: more.companion };
  }

  check(bearer) {
    if (!bearer) return [null, error(401, "not_authenticated")];
    const { sid, gen, exp } = decode(bearer);
    const session = this.sessions.get(sid);
    if (session.ended) return [session, error(401, "session_revoked")];
    if (exp <= this.clock.now) return [session, error(401, "token_not_valid", { reason: "token_expired" })];
    if (gen !== session.generation && gen !== session.redeemable) return [session, error(401, "token_not_valid", { reason: "token_superseded" })];
    if (gen === session.generation && this.clock.now - session.rotated >= CONFIRM_AFTER) session.delivered ??= this.clock.now;
    return [session, null];
  }

  rotate(session, from, shown, auth) {
    const recovery = from !== session.generation;
    if (recovery && session.generation - from - 1 >= MAX_RECOVERIES) {
      this.revoke(session, "recovery_limit");
      return error(403, "session_expired", { reason: "recovery_limit" });
    }
    Object.assign(session, { generation: session.generation + 1, redeemable: from, rotated: this.clock.now, delivered: null, shown, answered: false });
    return this.tokens(session, { refresh: true, auth });
  }

  refresh(token, companion) {
    if (!token) return error(401, "not_authenticated");
    const { sid, gen, auth } = decode(token);
    const session = this.sessions.get(sid);
    const shows = companion === sid;
    const verdict = this.judge(session, gen, shows, auth);
    return session.ended === "reuse" ? error(401, "session_revoked") : session.ended && verdict.status === 200 ? error(401, "session_revoked") : verdict;
  }

  judge(session, gen, shows, auth) {
    const age = session.rotated === null ? Infinity : this.clock.now - session.rotated;
    const early = age < this.overlap / 3;
    if (session.ended) {
      if (gen !== session.generation && gen !== session.redeemable && age >= this.overlap) this.revoke(session, "reuse");
      return error(401, "session_revoked");
    }
    if (age < this.overlap && gen >= (session.redeemable ?? session.generation)) {
      if (shows && session.shown && early && gen !== session.generation) return this.tokens(session, { refresh: true, auth: 0 });
      if (gen === session.redeemable && shows && !session.shown) return this.rotate(session, gen, shows, 0);
      if (session.shown && !shows) return error(409, "refresh_superseded");
      if (gen === session.generation && early) return this.tokens(session, { refresh: true, auth });
      if (gen !== session.generation && gen !== session.redeemable) return error(409, "refresh_superseded");
      session.answered = true;
      return this.tokens(session, { refresh: false, gen });
    }
    if (gen === session.generation) return this.rotate(session, gen, shows, auth);
    if (gen === session.redeemable && (session.delivered === null || session.answered)) return this.rotate(session, gen, shows, 0);
    this.revoke(session, "reuse");
    return error(401, "session_revoked");
  }

  logout(token) {
    if (!token) return error(401, "not_authenticated");
    this.revoke(this.sessions.get(decode(token).sid), "logout");
    return { status: 204, cookie: null };
  }

  reauthenticate(session, bearer, { password }, shown) {
    if (password !== PASSWORD) return error(401, "reauthentication_failed");
    session.authenticated++;
    const rotates = decode(bearer).gen === session.generation && this.clock.now - (session.rotated ?? -Infinity) >= this.overlap;
    if (rotates) return this.rotate(session, session.generation, shown, session.authenticated);
    return this.tokens(session, { refresh: false, auth: session.authenticated, gen: decode(bearer).gen });
  }
}

/**
 * The network between one browser and the server. `faults` holds functions that may replace the
 * answer of a request: `({ path, answer, request }) => Response | "lost" | "never" | undefined`.
 */
export class Network {
  jar = {}; // The cookies of the browser.
  faults = [];
  latency = [10, 60];

  constructor(server, clock, { companion = true } = {}) {
    Object.assign(this, { server, clock, companion });
  }

  delay() {
    const [low, high] = this.latency;
    return this.clock.sleep(low + this.clock.random() * (high - low));
  }

  fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname: path, origin } = new URL(request.url);
    const lost = new Promise((_, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
    });
    lost.catch(() => {});
    return Promise.race([lost, this.#send(request, origin, path)]);
  };

  async #send(request, origin, path) {
    const { server, jar, clock } = this;
    const text = request.body ? await request.text() : "";
    await this.delay();
    let said;
    const answer = () =>
      (said ??= server.answer(request.method, path, {
        body: attempt(() => JSON.parse(text)),
        cookie: jar.refresh,
        companion: jar.companion,
        authorization: request.headers.get("Authorization") ?? undefined,
        dpop: request.headers.get("DPoP"),
        url: request.url,
      }));
    for (const fault of this.faults) {
      const outcome = await fault({ path, origin, request, answer });
      if (outcome === undefined) continue;
      server.log.push([path, outcome instanceof Response ? outcome.status : outcome]);
      await this.delay();
      if (outcome === "lost") throw new TypeError("fetch failed");
      return outcome === "never" ? new Promise(() => {}) : outcome;
    }
    if (!path.startsWith("/auth/")) server.seen.push({ path, text, authorization: request.headers.get("Authorization"), origin });
    const { status, body, cookie, companion, headers } = answer();
    server.log.push([path, status]);
    await this.delay();
    if (request.signal.aborted) throw request.signal.reason;
    if (cookie !== undefined) jar.refresh = cookie;
    if (companion && this.companion) jar.companion = companion;
    return json(status, body, { Date: new Date(clock.now).toUTCString(), ...headers });
  }
}

const attempt = (run) => {
  try {
    return run();
  } catch {
    return undefined;
  }
};

export function json(status, body, headers = {}) {
  const init = { status, headers: { "Content-Type": "application/json", ...headers } };
  return new Response(body === undefined ? null : JSON.stringify(body), init);
}
