import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createClient, SessionError } from "../../../refresh_sessions/static/refresh_sessions/client.js";
import { ACCESS_LIFETIME } from "./fake-server.js";
import { BASE, errorOf, inBrowser, lateAnswer, login, lostAnswer, ME, once, PASSWORD, SENSITIVE } from "./harness.js";

const REFRESH = "/auth/refresh/";

for (const transport of ["body", "cookie"]) {
  const it = (name, run, options) => test(name, inBrowser(run, { transport, ...options }));

  describe(`with the transport ${transport}`, () => {
    it("login: the call has the access token", async ({ open, server }) => {
      const client = open();
      const { session, methods } = await login(client);
      assert.deepEqual([session.id, methods], ["s1", undefined]);
      assert.equal((await client.fetch(ME)).status, 200);
      assert.match(server.seen[0].authorization, /^Bearer h\./);
      assert.deepEqual(client.events, [{ type: "login", remote: false }]);
    });

    it("login with wrong password: error says log in, no session", async ({ open }) => {
      const client = open();
      const error = await errorOf(client.login("ada", "wrong"));
      assert.deepEqual([error.action, error.code, error.status], ["login", "no_active_account", 401]);
      assert.match(error.message, /Log in again/);
      assert.equal(await client.loggedIn(), false);
    });

    it("login with second factor: verify completes it", async ({ open, server }) => {
      server.secondFactor = true;
      const client = open();
      assert.deepEqual((await login(client)).methods, [{ name: "otp" }]);
      assert.equal((await errorOf(client.verify({ otp: "1" }))).code, "second_factor_failed");
      assert.equal((await client.verify({ otp: "123456" })).session.id, "s1");
      assert.equal((await client.fetch(ME)).status, 200);
      assert.equal((await errorOf(client.verify({ otp: "123456" }))).action, "login");
    });

    it("call after expiry: one refresh for ten parallel calls", async ({ open, server, clock }) => {
      const client = open();
      await login(client);
      await clock.sleep(ACCESS_LIFETIME + 1000);
      const answers = await Promise.all(Array.from({ length: 10 }, () => client.fetch(ME)));
      assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
      assert.equal(server.count(REFRESH), 1);
    });

    it("call in the last tenth of the lifetime: refresh in the background", async ({ open, server, clock }) => {
      const client = open();
      await login(client);
      await clock.sleep(ACCESS_LIFETIME * 0.7);
      await client.fetch(ME);
      await clock.sleep(5000);
      assert.equal(server.count(REFRESH), 0);
      await clock.sleep(ACCESS_LIFETIME * 0.25);
      await client.fetch(ME);
      await clock.sleep(5000);
      assert.equal(server.count(REFRESH), 1);
      assert.equal(server.count("/api/me/", 401), 0);
    });

    it("token superseded: refresh and repeat the call with its body", async ({ open, server, clock }) => {
      const client = open();
      await login(client);
      await clock.sleep(20_000);
      server.lifetime = 1; // The server takes the token for expired.
      await client.refresh();
      server.lifetime = ACCESS_LIFETIME;
      await clock.sleep(2000);
      const answer = await client.fetch(ME, { method: "POST", body: '{"a": 1}' });
      assert.equal(answer.status, 200);
      assert.equal(server.seen.at(-1).text, '{"a": 1}');
    });

    it("session revoked: the call says log in, and all tabs are logged out", async ({ open, server, clock }) => {
      const [client, other] = [open(), open()];
      await login(client);
      server.revoke(server.sessions.get("s1"));
      const error = await errorOf(client.fetch(ME));
      assert.deepEqual([error.action, error.code], ["login", "session_revoked"]);
      await clock.sleep(100);
      assert.equal(await client.loggedIn(), false);
      assert.equal(await other.loggedIn(), false);
      assert.deepEqual(other.events.at(-1), { type: "logout", remote: true });
    });

    it("lost answer: retried with the stored token within the rule", async ({ open, server, clock, faults }) => {
      const client = open();
      await login(client);
      await clock.sleep(ACCESS_LIFETIME + 1000);
      faults.push(once(REFRESH, lostAnswer, 2));
      const before = clock.now;
      assert.equal((await client.fetch(ME)).status, 200);
      assert.ok(clock.now - before > 6000 && clock.now - before < 11_000, "each try has a time-out of 3 s");
      assert.equal(server.sessions.get("s1").ended, undefined);
    });

    it("no answer at all: error says retry, tokens are kept", async ({ open, server, clock, faults }) => {
      const client = open();
      await login(client);
      await clock.sleep(ACCESS_LIFETIME + 1000);
      faults.push(once(REFRESH, "lost", 4));
      const error = await errorOf(client.fetch(ME));
      assert.deepEqual([error.action, error.code], ["retry", "no_answer"]);
      assert.ok(error.cause instanceof TypeError);
      assert.equal((await client.fetch(ME)).status, 200);
      assert.equal(server.sessions.get("s1").ended, undefined);
    });

    it("429: waits as Retry-After says, keeps the tokens", async ({ open, server, clock, faults }) => {
      const client = open();
      await login(client);
      await clock.sleep(ACCESS_LIFETIME + 1000);
      const throttled = () => new Response("{}", { status: 429, headers: { "Retry-After": "7" } });
      faults.push(once(REFRESH, throttled));
      const before = clock.now;
      assert.equal((await client.fetch(ME)).status, 200);
      assert.ok(clock.now - before >= 7000);
      assert.equal(server.count(REFRESH), 2);
    });

    it("503 with a long Retry-After: error at once, no request before it", async ({ open, server, clock, faults }) => {
      const client = open();
      await login(client);
      await clock.sleep(ACCESS_LIFETIME + 1000);
      const busy = () => new Response('{"code": "database_busy"}', { status: 503, headers: { "Retry-After": "60" } });
      faults.push(once(REFRESH, busy));
      for (let call = 0; call < 3; call++) {
        const error = await errorOf(client.fetch(ME));
        assert.deepEqual([error.action, error.code, error.retryAfter, error.status], ["retry", "database_busy", 60, 503]);
        await clock.sleep(10_000);
      }
      assert.equal(server.count(REFRESH), 1);
      await clock.sleep(40_000);
      assert.equal((await client.fetch(ME)).status, 200);
    });

    it("Retry-After with a date: waits until then", async ({ open, clock, faults }) => {
      const client = open();
      await login(client);
      await clock.sleep(ACCESS_LIFETIME + 1000);
      clock.skew = -10 * 365 * 24 * 3600_000;
      const at = (ms) => new Date(clock.now + ms).toUTCString();
      const busy = () => new Response("{}", { status: 503, headers: { Date: at(0), "Retry-After": at(5000) } });
      faults.push(once(REFRESH, busy));
      const before = clock.now;
      assert.equal((await client.fetch(ME)).status, 200);
      assert.ok(clock.now - before >= 5000 && clock.now - before < 9000);
    });

    it("step-up: one question for parallel calls, then they are repeated", async ({ open, server, clock }) => {
      server.stepUp = true;
      let asked = 0;
      const client = open({ askIdentity: async () => (asked++, await clock.sleep(3000), PASSWORD) });
      await login(client);
      server.sessions.get("s1").authenticated = 99;
      await clock.sleep(20_000);
      const calls = [1, 2, 3].map((n) => client.fetch(SENSITIVE, { method: "POST", body: `${n}` }));
      assert.deepEqual((await Promise.all(calls)).map(({ status }) => status), [200, 200, 200]);
      assert.equal(asked, 1);
      const accepted = server.seen.slice(3).map(({ text }) => text).sort();
      assert.deepEqual(accepted, ["1", "2", "3"]);
      assert.equal(server.count(REFRESH), 0);
    });

    it("401 from before a step-up: the call is repeated without a question", async ({ open, server, clock, faults }) => {
      server.stepUp = true;
      let asked = 0;
      const client = open({ askIdentity: () => (asked++, PASSWORD) });
      await login(client);
      server.sessions.get("s1").authenticated = 99;
      await clock.sleep(20_000);
      faults.push(once("/api/sensitive/", lateAnswer(clock, 5000)));
      const late = client.fetch(SENSITIVE);
      await clock.sleep(1000);
      assert.equal((await client.fetch(SENSITIVE)).status, 200);
      assert.equal((await late).status, 200);
      assert.equal(asked, 1);
    });

    it("step-up with wrong password: asks again with the error; null cancels", async ({ open, server }) => {
      server.stepUp = true;
      const errors = [];
      const proofs = ["wrong", { password: "also wrong" }, null];
      const client = open({ askIdentity: (error) => (errors.push(error?.code), proofs.shift()) });
      await login(client);
      server.sessions.get("s1").authenticated = 99;
      const error = await errorOf(client.fetch(SENSITIVE));
      assert.deepEqual([error.action, error.code], ["reauthenticate", "reauthentication_failed"]);
      assert.deepEqual(errors, [undefined, "reauthentication_failed", "reauthentication_failed"]);
      assert.equal((await client.fetch(ME)).status, 200);
    });

    it("step-up without a callback: error says re-authenticate", async ({ open, server, clock }) => {
      server.stepUp = true;
      const client = open();
      await login(client);
      server.sessions.get("s1").authenticated = 99;
      const error = await errorOf(client.fetch(SENSITIVE));
      assert.deepEqual([error.action, error.code], ["reauthenticate", "reauthentication_required"]);
      await clock.sleep(20_000);
      await client.reauthenticate(PASSWORD);
      assert.equal((await client.fetch(SENSITIVE)).status, 200);
    });

    it("lost answer to a step-up: sent again with the same access token", async ({ open, server, clock, faults }) => {
      server.stepUp = true;
      const client = open({ askIdentity: () => PASSWORD });
      await login(client);
      await clock.sleep(20_000);
      faults.push(once("/auth/reauthenticate/", lostAnswer));
      server.sessions.get("s1").authenticated = 99;
      assert.equal((await client.fetch(SENSITIVE)).status, 200);
      assert.equal(server.sessions.get("s1").ended, undefined);
      await clock.sleep(ACCESS_LIFETIME);
      assert.equal((await client.fetch(ME)).status, 200);
    });

    it("step-up with an expired access token: refreshes first", async ({ open, server, clock }) => {
      const client = open();
      await login(client);
      await clock.sleep(20_000);
      server.lifetime = 1;
      await client.refresh();
      server.lifetime = ACCESS_LIFETIME;
      await clock.sleep(20_000);
      await client.reauthenticate(PASSWORD);
      assert.equal(server.count(REFRESH), 2);
      await client.logout();
      assert.equal((await errorOf(client.reauthenticate(PASSWORD))).action, "login");
    });

    it("logout: ends the session in all tabs", async ({ open, server, storage, clock }) => {
      const [client, other] = [open(), open()];
      await login(client);
      await other.loggedIn();
      await client.logout();
      await clock.sleep(100);
      assert.equal(server.sessions.get("s1").ended, "logout");
      assert.deepEqual(other.events.at(-1), { type: "logout", remote: true });
      assert.equal(storage.tokens, null);
      assert.equal((await errorOf(other.fetch(ME))).action, "login");
      assert.equal(server.count(REFRESH, 401), 0);
      await client.logout();
      assert.equal(server.count("/auth/logout/"), 1);
    });

    it("sessions: list, rename, revoke", async ({ open, server }) => {
      const client = open();
      await login(client);
      assert.deepEqual(await client.sessions.list(), [{ id: "s1", is_current: true }]);
      assert.deepEqual(await client.sessions.rename("s1", "Phone"), { id: "s1", name: "Phone" });
      assert.deepEqual(await client.sessions.revokeOthers(), { revoked: 0 });
      assert.equal(await client.loggedIn(), true);
      await client.sessions.revoke("s1");
      assert.equal(server.sessions.get("s1").ended, "user");
      assert.equal(client.events.at(-1).type, "logout");
      assert.equal((await errorOf(client.sessions.list())).action, "login");
    });

    it("sessions.revokeAll: step-up, then logged out", async ({ open, server, clock }) => {
      server.stepUp = true;
      const client = open({ askIdentity: () => PASSWORD });
      await login(client);
      server.sessions.get("s1").authenticated = 99;
      await clock.sleep(20_000);
      assert.deepEqual(await client.sessions.revokeAll(), { revoked: 1 });
      assert.equal(client.events.at(-1).type, "logout");
    });

    it("sessions with an error: the error has its code", async ({ open, faults }) => {
      const client = open();
      await login(client);
      faults.push(once("/auth/sessions/x/", () => new Response('{"code": "not_found", "detail": "Not found."}', { status: 404 })));
      const error = await errorOf(client.sessions.rename("x", "y"));
      assert.deepEqual([error.action, error.code, error.status], ["fix", "not_found", 404]);
    });

    it("login in a second tab during a refresh: waits for it, both tabs have the new session", async ({ open, server, clock, faults }) => {
      const [client, other] = [open(), open()];
      await login(client);
      await clock.sleep(20_000);
      faults.push(once(REFRESH, lateAnswer(clock, 2000)));
      const refreshed = client.refresh();
      await clock.sleep(1000);
      await login(other);
      await refreshed;
      for (const tab of [client, other]) assert.equal((await (await tab.fetch(ME)).json()).sid, "s2");
      assert.equal(server.sessions.get("s2").ended, undefined);
    });

    it("401 of the application itself: the answer is returned", async ({ open, server, faults }) => {
      const client = open();
      await login(client);
      faults.push(once("/api/me/", () => new Response('{"code": "bad_pin"}', { status: 401 })));
      assert.equal((await client.fetch(ME)).status, 401);
      assert.equal(server.count(REFRESH), 0);
    });

    it("onChange: the returned function ends the calls", async ({ open }) => {
      const client = open();
      const types = [];
      const end = client.onChange(({ type }) => types.push(type));
      await login(client);
      await client.refresh();
      end();
      await client.logout();
      assert.deepEqual(types, ["login", "refresh"]);
    });
  });
}

describe("transport body alone", () => {
  const it = (name, run, options) => test(name, inBrowser(run, options));

  it("answer without refresh: the stored refresh token stays", async ({ open, storage, server, clock }) => {
    const client = open();
    await login(client);
    await clock.sleep(20_000);
    await client.refresh();
    const { refresh } = storage.tokens;
    await clock.sleep(5000);
    await client.refresh(); // Within the overlap.
    assert.equal(storage.tokens.refresh, refresh);
    assert.equal(server.count(REFRESH, 200), 2);
  });

  it("new refresh token: stored before the call that uses its access token", async ({ open, storage, clock, faults }) => {
    const client = open();
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    let stored;
    faults.push(({ path, request }) => {
      if (path === "/api/me/") stored = `Bearer ${storage.tokens.access}` === request.headers.get("Authorization");
      return undefined;
    });
    await client.fetch(ME);
    assert.equal(stored, true);
    assert.equal(storage.writes.filter((text) => text.includes("access")).length, 2);
  });

  it("reload: another client has the session", async ({ open, clock }) => {
    await login(open());
    await clock.sleep(60_000);
    assert.equal((await open().fetch(ME)).status, 200);
  });

  it("409: reads the storage again, and finds the tokens of the other tab", async ({ open, server, clock, storage, faults }) => {
    const [client, other] = [open({ locks: null }), open({ locks: null })];
    await login(client);
    await clock.sleep(20_000);
    faults.push(once(REFRESH, async () => (await other.refresh(), new Response('{"code": "refresh_superseded"}', { status: 409 }))));
    const token = await client.refresh();
    assert.equal(token, storage.tokens.access);
    assert.equal(server.count(REFRESH), 2);
  });

  it("409 with unchanged storage: tries again after a pause", async ({ open, server, clock, faults }) => {
    const client = open();
    await login(client);
    await clock.sleep(20_000);
    faults.push(once(REFRESH, () => new Response('{"code": "refresh_superseded"}', { status: 409 })));
    const before = clock.now;
    await client.refresh();
    assert.ok(clock.now - before >= 1000);
    assert.equal(server.count(REFRESH), 2);
  });

  it("logout in another tab during a refresh, without locks: its answer is discarded", async ({ open, clock, storage, faults }) => {
    const [client, other] = [open({ locks: null }), open({ locks: null })];
    await login(client);
    await clock.sleep(20_000);
    faults.push(once(REFRESH, lateAnswer(clock, 2000)));
    const refreshed = errorOf(client.refresh());
    await clock.sleep(1000);
    await other.logout();
    assert.equal((await refreshed).action, "login");
    assert.equal(storage.tokens, null);
  });

  it("login in another tab during a refresh, without locks: its answer is discarded", async ({ open, clock, faults }) => {
    const [client, other] = [open({ locks: null }), open({ locks: null })];
    await login(client);
    await clock.sleep(20_000);
    faults.push(once(REFRESH, lateAnswer(clock, 2000)));
    const refreshed = client.refresh();
    await clock.sleep(1000);
    await login(other);
    assert.equal(await refreshed, await other.access());
    assert.equal((await (await client.fetch(ME)).json()).sid, "s2");
  });

  it("refused refresh while another tab logs in, without locks: the new session stays", async ({ open, clock, faults, server }) => {
    const [client, other] = [open({ locks: null }), open({ locks: null })];
    await login(client);
    server.revoke(server.sessions.get("s1"));
    faults.push(once(REFRESH, lateAnswer(clock, 2000)));
    const called = client.fetch(ME);
    await clock.sleep(1000);
    await login(other);
    assert.equal((await (await called).json()).sid, "s2");
  });

  it("logout without an answer: logged out here, and the error says so", async ({ open, clock, faults, storage }) => {
    const client = open();
    await login(client);
    faults.push(once("/auth/logout/", "lost"));
    const error = await errorOf(client.logout());
    assert.equal(error.action, "retry");
    assert.equal(storage.tokens, null);
    await clock.sleep(10);
    assert.equal(await client.loggedIn(), false);
  });

  it("renamed fields: sent and read", async ({ open, server, storage, clock }) => {
    const names = { access: "accessToken", refresh: "refreshToken", access_expires_at: "accessExpiresAt", username: "email", password: "passphrase" };
    const back = Object.fromEntries(Object.entries(names).map(([ours, theirs]) => [theirs, ours]));
    const rename = (data, map) => Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [map[key] ?? key, value]));
    const { answer } = server;
    server.answer = (method, path, request) => {
      const said = answer.call(server, method, path, { ...request, body: rename(request.body, back) });
      return { ...said, body: rename(said.body, names) };
    };
    const client = open({ fields: names });
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    assert.equal((await client.fetch(ME)).status, 200);
    assert.ok(storage.tokens.refresh);
    assert.ok(storage.tokens.ttl > 0);
  });

  it("login in another tab during a step-up, without locks: the answer is discarded", async ({ open, clock, faults, storage }) => {
    const [client, other] = [open({ locks: null }), open({ locks: null })];
    await login(client);
    await clock.sleep(20_000);
    faults.push(once("/auth/reauthenticate/", lateAnswer(clock, 2000)));
    const verified = errorOf(client.reauthenticate(PASSWORD));
    await clock.sleep(1000);
    await login(other);
    const { refresh } = storage.tokens;
    const error = await verified;
    assert.deepEqual([error.action, error.code], ["retry", "replaced"]);
    assert.equal(storage.tokens.refresh, refresh);
  });

  it("second login without a refresh token in the answer: the former token is not kept for it", async ({ open, server, storage }) => {
    const client = open();
    await login(client);
    server.transport = "cookie";
    const { access } = storage.tokens;
    assert.equal((await errorOf(login(client))).code, "no_token");
    assert.equal(storage.tokens.access, access);
  });

  it("asynchronous storage: as localStorage", async ({ open, storage, clock }) => {
    const slow = (method) => async (...a) => (await clock.sleep(3), storage[method](...a));
    const client = open({ storage: { getItem: slow("getItem"), setItem: slow("setItem"), removeItem: slow("removeItem") } });
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    assert.equal((await client.fetch(ME)).status, 200);
    await client.logout();
    assert.equal(storage.tokens, null);
  });

  it("storage null: tokens in memory", async ({ open, storage, clock }) => {
    const client = open({ storage: null });
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    assert.equal((await client.fetch(ME)).status, 200);
    assert.deepEqual(storage.writes, []);
    assert.equal(await open({ storage: null }).loggedIn(), false);
  });

  it("storage null: a login in another tab leaves a refresh of this tab alone", async ({ open, clock, faults, server }) => {
    const [client, other] = [open({ storage: null, locks: null }), open({ storage: null, locks: null })];
    await login(client);
    await clock.sleep(20_000);
    faults.push(once(REFRESH, lateAnswer(clock, 2000)));
    const before = await client.access();
    const refreshed = client.refresh();
    await clock.sleep(1000);
    await login(other);
    assert.notEqual(await refreshed, before);
    assert.equal((await (await client.fetch(ME)).json()).sid, "s1");
    assert.equal((await (await other.fetch(ME)).json()).sid, "s2");
    assert.equal(server.count(REFRESH), 1);
  });

  it("lock held by a suspended tab: goes on without it after 15 s", async ({ open, clock, locks }) => {
    const client = open();
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    void locks.request("any", {}, () => new Promise(() => {}));
    const before = clock.now;
    assert.equal((await client.fetch(ME)).status, 200);
    assert.ok(clock.now - before >= 15_000);
  });
});

describe("transport cookie alone", () => {
  const it = (name, run, options) => test(name, inBrowser(run, { transport: "cookie", ...options }));

  it("tokens are not in the storage", async ({ open, storage, clock }) => {
    const client = open();
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    await client.fetch(ME);
    assert.ok(storage.writes.every((text) => /^\[\d+,[\d.]+\]$/.test(text)));
    assert.equal(storage.tokens, null);
  });

  it("reload: the cookie gives an access token", async ({ open, clock, server }) => {
    await login(open());
    await clock.sleep(20_000);
    assert.equal(await open().loggedIn(), true);
    assert.equal(server.count(REFRESH), 1);
  });

  it("visitor without a session: one refresh, then none", async ({ open, server }) => {
    const client = open();
    assert.equal(await client.loggedIn(), false);
    assert.equal(await client.loggedIn(), false);
    assert.equal((await errorOf(client.fetch(ME))).code, "logged_out");
    assert.equal(server.count(REFRESH), 1);
  });

  it("logout without an answer: still logged in, and the error says so", async ({ open, faults, server }) => {
    const client = open();
    await login(client);
    faults.push(once("/auth/logout/", "lost"));
    assert.equal((await errorOf(client.logout())).action, "retry");
    assert.equal((await client.fetch(ME)).status, 200);
    await client.logout();
    assert.equal(server.sessions.get("s1").ended, "logout");
  });

  it("login of another tab: this tab gets the new session, without a refused call", async ({ open, clock, server }) => {
    const [client, other] = [open(), open()];
    await login(client);
    await client.fetch(ME);
    await login(other);
    await clock.sleep(2000);
    assert.equal((await (await client.fetch(ME)).json()).sid, "s2");
    assert.equal(server.count("/api/me/", 401), 0);
  });

  it("login in another tab during a refresh, without locks: the access token of the answer is discarded", async ({ open, clock, faults, server }) => {
    const [client, other] = [open({ locks: null }), open({ locks: null })];
    await login(client);
    await clock.sleep(20_000);
    faults.push(once(REFRESH, lateAnswer(clock, 2000)));
    const refreshed = client.refresh();
    await clock.sleep(1000);
    await login(other);
    await refreshed;
    assert.equal((await (await client.fetch(ME)).json()).sid, "s2");
    assert.equal(server.count("/api/me/", 401), 0);
  });

  it("login in two tabs at once, without locks, the first answer last: all tabs have the session of the cookie", async ({ open, clock, faults, server }) => {
    const [client, other] = [open({ locks: null }), open({ locks: null })];
    // The server answers the first login at once; its answer, with the cookie, arrives late.
    faults.push(once("/auth/login/", async ({ answer }) => (answer(), await clock.sleep(2000))));
    const late = login(client);
    await clock.sleep(500);
    assert.equal((await login(other)).session.id, "s2");
    assert.equal((await late).session.id, "s1");
    await clock.sleep(2000);
    for (const tab of [client, other, open()]) assert.equal((await (await tab.fetch(ME)).json()).sid, "s1");
    assert.equal(server.sessions.get("s1").ended, undefined);
    assert.ok(other.events.some(({ type, remote }) => type === "login" && remote));
  });
});

describe("in node", () => {
  test("without options: the global fetch, tokens in memory, the real channel", async () => {
    const before = globalThis.fetch;
    const asked = [];
    globalThis.fetch = async (...request) => {
      asked.push(new Request(...request).url);
      return Response.json({ access: "a", refresh: "r", access_expires_at: new Date(Date.now() + 60_000).toISOString() }, { headers: { Date: new Date().toUTCString() } });
    };
    const [client, other] = [createClient({ baseUrl: BASE }), createClient({ baseUrl: BASE })];
    const alive = setInterval(() => {}, 1000); // The channel does not keep the process alive.
    try {
      const told = new Promise((done) => other.onChange(done));
      await client.login("ada", PASSWORD);
      assert.deepEqual(await told, { type: "login", remote: true });
      assert.equal(await client.access(), "a");
      await client.fetch("/api/me/");
      assert.deepEqual(asked, [`${BASE}login/`, "https://api.example/api/me/"]);
    } finally {
      clearInterval(alive);
      globalThis.fetch = before;
      client.close();
      other.close();
    }
  });

  test("SessionError: an Error with action, code and advice", () => {
    const error = new SessionError("retry", "no_answer", "It did not answer.");
    assert.ok(error instanceof Error);
    assert.deepEqual([error.name, error.action, error.code, error.status], ["SessionError", "retry", "no_answer", 0]);
  });
});
