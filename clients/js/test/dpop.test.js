import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { drop } from "../../../refresh_sessions/static/refresh_sessions/client-dpop.js";
import { readProof } from "./fake-dpop.js";
import { ACCESS_LIFETIME, json } from "./fake-server.js";
import { errorOf, inBrowser, lateAnswer, login, lostAnswer, ME, once, PASSWORD, SENSITIVE } from "./harness.js";

const LOGIN = "/auth/login/";
const REFRESH = "/auth/refresh/";
const API = "/api/me/";
const YEAR = 365 * 24 * 3600_000;
const OTHER = "https://other.example/api/me/";

const proofsOf = (server, path) => server.proofs.filter(([asked]) => asked === path).map(([, claims]) => claims);
const expire = (clock) => clock.sleep(ACCESS_LIFETIME + 1000);
const stored = (server, storage, network, transport) => (transport === "body" ? storage.tokens?.refresh : network.jar.refresh);

for (const transport of ["body", "cookie"]) {
  const it = (name, run, options) => test(name, inBrowser(run, { transport, dpop: true, ...options }));

  describe(`DPoP with the transport ${transport}`, () => {
    it("login: bound to a stored key that is not extractable", async ({ open, database, server }) => {
      const client = open();
      const { session } = await login(client);
      assert.equal(session.bound, "dpop");
      const [{ pair, jkt, sid }] = database.keys;
      assert.equal(pair.privateKey.extractable, false);
      assert.deepEqual([jkt, sid], [server.sessions.get("s1").jkt, session.id]);
    });

    it("refresh, step-up, opening a family and logout: a new proof each; calls have none", async ({ open, server, clock }) => {
      const client = open();
      await login(client);
      await expire(clock);
      await client.fetch(ME);
      await client.reauthenticate(PASSWORD);
      await client.fetch("/auth/sessions/branch/", { method: "POST", body: "{}" });
      await client.logout();
      const paths = ["login/", "refresh/", "reauthenticate/", "sessions/branch/", "logout/"];
      assert.deepEqual(server.proofs.map(([path]) => path), paths.map((path) => `/auth/${path}`));
      assert.deepEqual(server.proofs.map(([, { ath }]) => Boolean(ath)), [false, false, true, true, false]);
      assert.match(server.seen[0].authorization, /^Bearer /);
    });

    it("logout, and the end by the server: the key is deleted", async ({ open, database, server, clock }) => {
      const client = open();
      await login(client);
      await client.logout();
      assert.deepEqual(database.keys, []);
      await login(client);
      server.revoke(server.sessions.get("s2"));
      assert.equal((await errorOf(client.fetch(ME))).action, "login");
      assert.deepEqual(database.keys, []);
      await login(client);
      await open().sessions.revokeAll();
      assert.deepEqual(database.keys, []);
      await clock.sleep(100);
      assert.equal(await client.loggedIn(), false);
    });

    it("second login: another key; the former one is deleted with its session", async ({ open, database, server }) => {
      const client = open();
      await login(client);
      await login(client);
      const [first, second] = ["s1", "s2"].map((id) => server.sessions.get(id).jkt);
      assert.notEqual(first, second);
      assert.deepEqual(database.keys.map(({ jkt }) => jkt), [second, first]);
      await client.refresh();
      assert.equal(proofsOf(server, REFRESH)[0].jkt, second);
      for (let count = 0; count < 3; count++) await login(client);
      assert.deepEqual(database.keys.map(({ sid }) => sid), ["s5", "s4", "s3"]);
      await client.logout();
      assert.deepEqual(database.keys, []);
    });

    it("second factor: both steps have proofs of one key, also after a wrong code", async ({ open, server, database }) => {
      server.secondFactor = true;
      const client = open();
      await login(client);
      assert.equal((await errorOf(client.verify({ otp: "1" }))).code, "second_factor_failed");
      assert.equal((await client.verify({ otp: "123456" })).session.bound, "dpop");
      assert.equal(new Set(server.proofs.map(([, { jkt }]) => jkt)).size, 1);
      assert.deepEqual(database.keys.map(({ sid }) => sid), ["s1"]);
    });

    it("wrong password: no key is left", async ({ open, database }) => {
      assert.equal((await errorOf(open().login("ada", "wrong"))).code, "no_active_account");
      assert.deepEqual(database.keys, []);
    });

    it("reload: another client goes on with the same key", async ({ open, server, clock }) => {
      await login(open());
      await expire(clock);
      assert.equal((await open().fetch(ME)).status, 200);
      assert.equal(proofsOf(server, REFRESH)[0].jkt, server.sessions.get("s1").jkt);
      assert.equal(server.misuses, 0);
    });

    it("server without the feature: no key is kept, no proof is sent", async ({ open, server, clock, database, faults }) => {
      server.binds = false;
      const sent = [];
      const client = open();
      const { session } = await login(client);
      assert.equal(session.bound ?? null, null);
      faults.push(({ request }) => void (request.headers.has("DPoP") && sent.push(request.url)));
      await expire(clock);
      assert.equal((await client.fetch(ME)).status, 200);
      await open().reauthenticate(PASSWORD);
      await client.refresh();
      await client.logout();
      assert.deepEqual(sent, []);
      assert.deepEqual(database.keys.filter(({ pair }) => pair), []);
    });

    it("login without binding after a bound one: no proof of the former key", async ({ open, server, clock, faults }) => {
      const client = open();
      await login(client);
      server.binds = false;
      await login(client);
      const sent = [];
      faults.push(({ request }) => void (request.headers.has("DPoP") && sent.push(request.url)));
      await expire(clock);
      assert.equal((await open().fetch(ME)).status, 200);
      assert.deepEqual(sent, []);
    });

    it("DPOP_ACCESS_TOKENS: each call has the scheme DPoP and a proof of its own", async ({ open, server, clock, database }) => {
      server.bindsAccess = true;
      const client = open();
      await login(client);
      const calls = [client.fetch(ME), client.fetch(`${ME}?a=1#b`, { method: "PUT", body: "x" }), client.sessions.list()];
      for (const answer of (await Promise.all(calls)).slice(0, 2)) assert.equal(answer.status, 200);
      assert.equal(database.opened, 2, "the key is read once");
      await expire(clock);
      assert.equal((await open().fetch(ME)).status, 200);
      await client.reauthenticate(PASSWORD);
      for (const { authorization } of server.seen) assert.match(authorization, /^DPoP h\./);
      assert.deepEqual(proofsOf(server, API).map(({ htm }) => htm).sort(), ["GET", "GET", "PUT"]);
      assert.ok([...proofsOf(server, API), ...proofsOf(server, "/auth/reauthenticate/")].every(({ ath }) => ath));
      assert.equal(server.count(API, 401), 0);
      await client.logout();
    });

    for (const bindsAccess of [false, true]) {
      it(`nonces, access tokens ${bindsAccess ? "bound" : "not bound"}: one repeat with each new nonce`, async ({ open, server, clock }) => {
        Object.assign(server, { asksNonce: true, bindsAccess, stepUp: true });
        const client = open({ origins: [OTHER], askIdentity: () => PASSWORD });
        await login(client);
        assert.equal(server.count(LOGIN, 401), 1);
        for (let round = 0; round < 3; round++) {
          await expire(clock);
          assert.equal((await client.fetch(ME, { method: "POST", body: `body ${round}` })).status, 200);
          assert.equal(server.seen.at(-1).text, `body ${round}`);
          assert.equal((await client.fetch(OTHER)).status, 200);
          assert.equal((await client.fetch(ME)).status, 200);
        }
        assert.deepEqual([server.count(REFRESH, 401), server.count(REFRESH, 200)], [3, 3]);
        // The nonce of one origin is of no use at the other.
        assert.equal(server.log.filter(([path, status]) => path === API && status === 401).length, bindsAccess ? 3 : 0);
        await client.fetch(SENSITIVE);
        await client.logout();
        assert.equal(server.misuses, 0);
      });
    }

    it("nonce of any answer: used for the next proof", async ({ open, server, clock, network }) => {
      server.asksNonce = true;
      const announce = async (...request) => {
        const answer = await network.fetch(...request);
        answer.headers.set("DPoP-Nonce", server.nonceOf("https://api.example"));
        return answer;
      };
      const client = open({ fetch: announce });
      await login(client);
      await expire(clock);
      await client.fetch(ME).catch(() => {});
      await clock.sleep(301_000);
      await client.fetch(ME);
      await client.refresh();
      assert.equal(server.count(REFRESH, 401), 1);
    });

    it("server that refuses each nonce: error says retry, tokens are kept, two requests per try", async ({ open, server, storage, network, faults, clock }) => {
      const client = open();
      await login(client);
      await login(client);
      const before = stored(server, storage, network, transport);
      const refuse = () => json(401, { code: "use_dpop_nonce", detail: "x" }, { "DPoP-Nonce": `${clock.random()}` });
      faults.push(once(REFRESH, refuse, 100));
      const error = await errorOf(client.refresh());
      assert.deepEqual([error.action, error.code], ["retry", "use_dpop_nonce"]);
      assert.equal(server.count(REFRESH), 8);
      assert.equal(stored(server, storage, network, transport), before);
    });

    for (const skew of [-30 * YEAR, -100_000, 100_000, 30 * YEAR]) {
      it(`clock wrong by ${skew / 1000} s: one repeat, then the time of the server`, async ({ open, server, clock }) => {
        server.bindsAccess = true;
        clock.skew = skew;
        const client = open();
        await login(client);
        assert.deepEqual([server.count(LOGIN, 401), server.count(LOGIN, 200)], [1, 1]);
        await expire(clock);
        assert.equal((await client.fetch(ME)).status, 200);
        assert.deepEqual([server.count(REFRESH, 401), server.count(API, 401)], [0, 0]);
        clock.skew = 0;
        assert.equal((await client.fetch(ME)).status, 200);
        assert.ok(server.count(REFRESH, 401) + server.count(API, 401) <= 1);
        assert.equal(server.misuses, 0);
      });
    }

    it("clock wrong and nonces: both are repeated", async ({ open, server, clock }) => {
      server.asksNonce = true;
      clock.skew = YEAR;
      assert.equal((await login(open())).session.bound, "dpop");
      assert.equal(server.count(LOGIN, 401), 2);
    });

    it("proofs that the server never accepts: error says fix, tokens are kept, two requests", async ({ open, server, storage, network, faults }) => {
      const client = open();
      await login(client);
      const before = stored(server, storage, network, transport);
      faults.push(once(REFRESH, () => json(401, { code: "invalid_dpop_proof", detail: "x" }), 2));
      const error = await errorOf(client.refresh());
      assert.deepEqual([error.action, error.code], ["fix", "invalid_dpop_proof"]);
      assert.equal(server.count(REFRESH), 2);
      assert.equal(stored(server, storage, network, transport), before);
      assert.ok(await client.refresh());
    });

    it("key lost: error says log in, tokens are forgotten, no loop", async ({ open, server, storage, clock, database }) => {
      const client = open();
      await login(client);
      database.values.clear();
      await expire(clock);
      const reloaded = open();
      const error = await errorOf(reloaded.fetch(ME));
      assert.deepEqual([error.action, error.code, error.data.reason], ["login", "token_not_valid", "dpop_key_lost"]);
      assert.equal(storage.tokens, null);
      assert.equal(server.sessions.get("s1").ended, undefined);
      assert.equal(await reloaded.loggedIn(), false);
      assert.equal(server.count(REFRESH), 1);
      await login(reloaded);
      await clock.sleep(100);
      assert.equal((await client.fetch(ME)).status, 200);
    });

    it("key of a bound access token lost: error says log in", async ({ open, server, database }) => {
      server.bindsAccess = true;
      await login(open());
      database.values.clear();
      const reloaded = open();
      assert.equal((await errorOf(reloaded.fetch(ME))).data.reason, "dpop_key_lost");
      assert.ok(server.count(API) + server.count(REFRESH) <= 2);
    });

    it("logout with a lost key: logged out", async ({ open, database, storage, server }) => {
      await login(open());
      database.values.clear();
      const reloaded = open();
      await reloaded.logout();
      assert.equal(storage.tokens, null);
      assert.equal(await reloaded.loggedIn(), false);
      assert.equal(server.count("/auth/logout/"), 1);
    });

    for (const mode of ["throws", "fails", "hangs", "full"]) {
      it(`IndexedDB ${mode}: the session is not bound, a warning says so, and it lives after a reload`, async ({ open, server, clock, database }) => {
        database.mode = mode;
        const warnings = [];
        const client = open({ onWarning: (error) => warnings.push(error.message) });
        assert.equal((await login(client)).session.bound, null);
        assert.deepEqual(warnings.map((text) => /not bound/.test(text)), [true]);
        const { opened } = database;
        await client.refresh();
        assert.equal(database.opened, opened, "this tab knows that there is no key");
        for (const tab of [client, open({ onWarning: () => {} }), client]) {
          await expire(clock);
          assert.equal((await tab.fetch(ME)).status, 200);
        }
        await client.reauthenticate(PASSWORD);
        assert.deepEqual(server.proofs, []);
        await client.logout();
        assert.equal(server.sessions.get("s1").ended, "logout");
      });
    }

    for (const mode of ["throws", "fails", "hangs"]) {
      it(`IndexedDB ${mode} once: the refresh is tried again with its key`, async ({ open, server, clock, database }) => {
        await login(open());
        await expire(clock);
        const reloaded = open();
        database.mode = mode;
        const called = reloaded.fetch(ME);
        await clock.sleep(2500);
        database.mode = "works";
        assert.equal((await called).status, 200);
        assert.equal(proofsOf(server, REFRESH).length, 1);
        assert.ok(server.misuses <= 1);
      });
    }

    it("IndexedDB fails for long: error says retry, tokens are kept", async ({ open, server, clock, database, storage, network }) => {
      await login(open());
      await expire(clock);
      const before = stored(server, storage, network, transport);
      database.mode = "fails";
      const error = await errorOf(open().fetch(ME));
      assert.deepEqual([error.action, error.code], ["retry", "invalid_dpop_proof"]);
      assert.equal(stored(server, storage, network, transport), before);
      database.mode = "works";
      assert.equal((await open().fetch(ME)).status, 200);
    });

    it("IndexedDB works again: the next login is bound", async ({ open, server, database }) => {
      const client = open({ onWarning: () => {} });
      database.mode = "fails";
      await login(client);
      database.mode = "works";
      assert.equal((await login(client)).session.bound, "dpop");
      await client.refresh();
      assert.equal(server.misuses, 0);
    });

    it("IndexedDB fails with a bound access token: the call fails, the server sees nothing", async ({ open, server, database }) => {
      server.bindsAccess = true;
      await login(open());
      const reloaded = open();
      if (transport === "cookie") await reloaded.refresh(); // The access token is in memory.
      database.mode = "fails";
      const before = server.log.length;
      for (let call = 0; call < 3 && transport === "body"; call++) assert.equal((await errorOf(reloaded.fetch(ME))).name, "InvalidStateError");
      assert.deepEqual([server.log.length, server.misuses], [before, 0]);
      database.mode = "works";
      assert.equal((await reloaded.fetch(ME)).status, 200);
    });

    it("policy demands a bound session: log in if the client can bind, else fix", async ({ open, server, faults, database }) => {
      server.requires = true;
      const refuse = () => json(403, { code: "binding_required", detail: "x" });
      const client = open({ onWarning: () => {} });
      await login(client);
      faults.push(once(REFRESH, refuse));
      assert.deepEqual([(await errorOf(client.refresh())).action, await client.loggedIn()], ["login", true]);
      database.mode = "fails";
      const error = await errorOf(login(client));
      assert.deepEqual([error.action, error.code], ["fix", "binding_required"]);
      faults.push(once("/auth/login/", refuse));
      assert.equal((await errorOf(login(open({ dpop: false })))).action, "fix");
    });

    it("tab without the option, as of an old version: refused, tokens are kept, no loop; the others go on", async ({ open, server, clock, storage, network }) => {
      const [client, old] = [open(), open({ dpop: false })];
      await login(client);
      await expire(clock);
      const before = stored(server, storage, network, transport);
      for (let call = 0; call < 3; call++) assert.equal((await errorOf(old.fetch(ME))).code, "invalid_dpop_proof");
      assert.ok(server.count(REFRESH) <= 3);
      assert.equal(stored(server, storage, network, transport), before);
      assert.equal((await client.fetch(ME)).status, 200);
      assert.equal(client.events.some(({ type }) => type === "logout"), false);
    });

    it("login of a tab without the option: the session is not bound, all tabs use it", async ({ open, server, clock, faults }) => {
      const [client, old] = [open(), open({ dpop: false })];
      await login(client);
      await login(old);
      // With the cookie, the client cannot know that this is another session.
      if (transport === "body") faults.push(({ request }) => void assert.equal(request.headers.get("DPoP"), null));
      for (const tab of [client, old, open()]) {
        await expire(clock);
        assert.equal((await (await tab.fetch(ME)).json()).sid, "s2");
      }
      assert.equal(server.sessions.get("s2").jkt, null);
    });

    it("crash before the request of a login: the former session goes on", async ({ open, server, clock, faults }) => {
      await login(open());
      faults.push(once(LOGIN, "never"));
      login(open()).catch(() => {});
      await expire(clock);
      assert.equal((await (await open().fetch(ME)).json()).sid, "s1");
      assert.equal(server.sessions.get("s1").ended, undefined);
    });

    it("lost logins: the key of the present session is not displaced", async ({ open, clock, faults, database }) => {
      const client = open();
      await login(client);
      faults.push(once(LOGIN, "lost", 5));
      const keys = new Set();
      for (let call = 0; call < 5; call++) {
        assert.equal((await errorOf(login(client))).action, "retry");
        keys.add(database.keys[0].jkt);
      }
      assert.equal(keys.size, 5);
      await expire(clock);
      assert.equal((await (await open().fetch(ME)).json()).sid, "s1");
      assert.equal(database.keys.length, 2);
    });

    it("answer to a login that is cut off: the next login is bound", async ({ open, clock, faults }) => {
      const client = open();
      const cut = ({ answer }) => (answer(), new Response('{"acc', { headers: { "Content-Type": "application/json" } }));
      faults.push(once(LOGIN, cut));
      assert.equal((await errorOf(login(client))).code, "not_json");
      assert.equal((await login(client)).session.bound, "dpop");
      await expire(clock);
      assert.equal((await client.fetch(ME)).status, 200);
    });

    it("two clients of one origin: each has its key", async ({ open, server, clock, database }) => {
      const [client, other] = [open(), open({ name: "other" })];
      await login(client);
      if (transport === "cookie") return; // One cookie, one client.
      await login(other);
      await client.logout();
      await expire(clock);
      assert.equal((await other.fetch(ME)).status, 200);
      assert.deepEqual(database.keys.map(({ sid }) => sid), ["s2"]);
      assert.equal(server.misuses, 0);
    });

    it("libraries without fetch: headers with the method, recover with the nonce", async ({ open, server }) => {
      Object.assign(server, { bindsAccess: true, asksNonce: true });
      const client = open({ origins: [OTHER] });
      await login(client);
      for (const url of [ME, OTHER]) {
        let sent = await client.headers(url, "post");
        const { nonce, ...claims } = readProof(sent.DPoP);
        assert.deepEqual([claims.htm, claims.htu, sent.Authorization.slice(0, 5)], ["POST", url, "DPoP "]);
        if (url === OTHER) {
          assert.equal(nonce, undefined);
          assert.equal(await client.recover({ code: "use_dpop_nonce" }, sent, server.nonceOf("https://other.example")), true);
          sent = await client.headers(url, "post");
        }
        assert.equal(readProof(sent.DPoP).nonce, server.nonceOf(new URL(url).origin));
        assert.equal(await client.recover({ code: "use_dpop_nonce" }, sent, null), false);
        assert.equal(await client.recover({ code: "invalid_dpop_proof" }, sent, "x"), false);
        assert.equal(await client.recover({ code: "token_not_valid" }, sent), true);
      }
      assert.deepEqual(await client.headers("https://foreign.example/"), {});
    });

    it("call with a token of its own: no proof, no key", async ({ open, server, faults }) => {
      server.bindsAccess = true;
      const client = open();
      await login(client);
      faults.push(once(LOGIN, "lost"));
      await errorOf(login(client));
      let proof;
      faults.push(({ path, request }) => (path === "/foreign/" ? ((proof = request.headers.get("DPoP")), json(401, { code: "x" })) : undefined));
      const token = `h.${Buffer.from('{"cnf": {"jkt": "x"}, "sid": "s1"}').toString("base64url")}.s`;
      const answer = await client.fetch("https://foreign.example/foreign/", { headers: { Authorization: `DPoP ${token}` } });
      assert.deepEqual([answer.status, proof], [401, null]);
    });
  });
}

describe("DPoP with the transport body alone", () => {
  const it = (name, run, options) => test(name, inBrowser(run, { dpop: true, ...options }));

  it("crash after the answer to a login, before its tokens are stored: the former tokens have their key", async ({ open, server, clock, storage }) => {
    const client = open();
    await login(client);
    const crashed = open({ storage: { ...storage, getItem: storage.getItem, setItem: () => new Promise(() => {}), removeItem: storage.removeItem } });
    login(crashed);
    await expire(clock);
    assert.equal(server.sessions.size, 2);
    assert.equal((await (await open({ locks: null }).fetch(ME)).json()).sid, "s1");
    assert.equal(server.misuses, 0);
  });

  for (const slow of [0, 1]) {
    it(`two logins at once without locks, answer ${slow + 1} is late: the stored tokens have their key`, async ({ open, server, clock, storage, faults }) => {
      const tabs = [open({ locks: null }), open({ locks: null })];
      let asked = 0;
      faults.push((call) => (call.path === LOGIN && asked++ === slow ? lateAnswer(clock, 3000)(call) : undefined));
      await Promise.all([login(tabs[0]), clock.sleep(200).then(() => login(tabs[1]))]);
      const { sid } = JSON.parse(Buffer.from(storage.tokens.refresh.split(".")[1], "base64url").toString());
      for (const tab of [...tabs, open()]) {
        await expire(clock);
        assert.equal((await (await tab.fetch(ME)).json()).sid, sid);
      }
      assert.equal(server.misuses, 0);
    });
  }

  it("clock wrong and an answer without Date: error says fix, tokens are kept", async ({ open, clock, network, storage }) => {
    const without = async (...request) => {
      const answer = await network.fetch(...request);
      answer.headers.delete("Date");
      return answer;
    };
    const client = open({ fetch: without });
    await login(client);
    const { refresh } = storage.tokens;
    clock.skew = 90_000;
    assert.equal((await errorOf(client.refresh())).action, "fix");
    assert.equal(storage.tokens.refresh, refresh);
    clock.skew = 0;
    await client.refresh();
  });

  it("lost answers to refreshes: each try has a proof of its own", async ({ open, server, clock, faults }) => {
    const client = open();
    await login(client);
    await expire(clock);
    faults.push(once(REFRESH, lostAnswer, 2));
    assert.equal((await client.fetch(ME)).status, 200);
    assert.equal(proofsOf(server, REFRESH).length, 3);
  });

  it("names of fields: read from the answers", async ({ open, server, clock, network }) => {
    const renamed = async (...request) => {
      const answer = await network.fetch(...request);
      const { session, refresh, ...data } = await answer.json();
      return json(answer.status, { ...data, device: session, renewal: refresh }, { Date: answer.headers.get("Date") });
    };
    const client = open({ fetch: renamed, fields: { session: "device", refresh: "renewal" } });
    assert.equal((await login(client)).session.bound, "dpop");
    await expire(clock);
    server.refresh = ((real) => function refresh(_, companion) { return real.call(this, this.renewal, companion); })(server.refresh);
    const answer = server.answer;
    server.answer = function renamedAnswer(method, path, request) {
      this.renewal = request.body?.renewal;
      return answer.call(this, method, path, { ...request, body: { ...request.body, refresh: this.renewal } });
    };
    await client.refresh();
    assert.equal(proofsOf(server, REFRESH).length, 1);
  });
});

test("end of a session while a newer login is answered: the key of the newer one stays", async () => {
  const keys = [{ jkt: "c" }, { jkt: "b", sid: "s2" }, { jkt: "a", sid: "s1" }, { jkt: "z", sid: "s0" }];
  const values = new Map([["name", keys]]);
  const store = { getItem: (name) => values.get(name), setItem: (name, value) => values.set(name, value) };
  await drop({ name: "name", dpop: { store }, used: { sid: "s1" } });
  assert.deepEqual(values.get("name"), [{ jkt: "b", sid: "s2" }]);
  await drop({ name: "name", dpop: { store } });
  assert.deepEqual(values.get("name"), []);
});

describe("keys outside of browsers", () => {
  const it = (name, run) => test(name, inBrowser(run, { dpop: true }));
  const outside = { storage: null, locks: null };
  const makePair = (namedCurve = "P-256") => crypto.subtle.generateKey({ name: "ECDSA", namedCurve }, false, ["sign", "verify"]);

  it("tokens in memory without IndexedDB: the key is in memory", async ({ open, server, clock }) => {
    delete globalThis.indexedDB;
    const client = open(outside);
    assert.equal((await login(client)).session.bound, "dpop");
    await expire(clock);
    assert.equal((await client.fetch(ME)).status, 200);
    await client.logout();
    await login(client);
    assert.notEqual(server.sessions.get("s1").jkt, server.sessions.get("s2").jkt);
  });

  it("stored tokens without IndexedDB: not bound, because the tokens would outlive the key", async ({ open, clock }) => {
    delete globalThis.indexedDB;
    const warnings = [];
    const client = open({ onWarning: (error) => warnings.push(error) });
    assert.equal((await login(client)).session.bound, null);
    assert.equal(warnings.length, 1);
    await expire(clock);
    assert.equal((await client.fetch(ME)).status, 200);
  });

  it("key pair of the caller: used for each login, also after a restart", async ({ open, server, clock }) => {
    const dpop = { keyPair: await makePair() };
    for (let round = 1; round < 3; round++) {
      await login(open({ dpop }));
      await expire(clock);
      assert.equal((await open({ dpop }).fetch(ME)).status, 200);
    }
    assert.equal(new Set(server.proofs.map(([, { jkt }]) => jkt)).size, 1);
    assert.equal(server.misuses, 0);
  });

  it("key pair of another curve: not bound, and a warning says why", async ({ open }) => {
    const warnings = [];
    const client = open({ dpop: { keyPair: await makePair("P-384") }, onWarning: ({ message }) => warnings.push(message) });
    assert.equal((await login(client)).session.bound, null);
    assert.match(warnings[0], /P-256/);
  });

  it("store of the caller: has the keys of each client by name", async ({ open, clock, storage }) => {
    delete globalThis.indexedDB;
    const values = new Map();
    const dpop = { store: { getItem: async (name) => values.get(name), setItem: async (name, keys) => values.set(name, keys) } };
    await login(open({ dpop }));
    await expire(clock);
    assert.equal((await open({ dpop }).fetch(ME)).status, 200);
    assert.deepEqual([...values.keys()], [...storage.values.keys()]);
    await open({ dpop }).logout();
    assert.deepEqual([...values.values()], [[]]);
  });
});

describe("DBSC: device_proof_required", () => {
  const missing = () => json(401, { code: "device_proof_required", detail: "x" });

  test(
    "cookie transport: waits for the browser, then refreshes",
    inBrowser(
      async ({ open, server, clock, faults }) => {
        const client = open();
        await login(client);
        await expire(clock);
        faults.push(once(REFRESH, missing, 2));
        assert.equal((await client.fetch(ME)).status, 200);
        assert.equal(server.count(REFRESH), 3);
      },
      { transport: "cookie" },
    ),
  );

  for (const transport of ["body", "cookie"]) {
    test(
      `transport ${transport}, for ever: error says log in, the session is kept`,
      inBrowser(
        async ({ open, server, clock, faults }) => {
          const client = open();
          await login(client);
          await expire(clock);
          faults.push(once(REFRESH, missing, 4));
          assert.equal((await errorOf(client.fetch(ME))).action, "login");
          assert.equal(client.events.some(({ type }) => type === "logout"), false);
          assert.equal((await client.fetch(ME)).status, 200);
          assert.equal(server.count(REFRESH), 5);
        },
        { transport },
      ),
    );
  }
});
