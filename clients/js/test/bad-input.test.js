import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { createClient } from "../../../refresh_sessions/static/refresh_sessions/client.js";
import { ACCESS_LIFETIME, json } from "./fake-server.js";
import { BASE, errorOf, inBrowser, login, ME, once, PASSWORD } from "./harness.js";

const REFRESH = "/auth/refresh/";
const YEAR = 365 * 24 * 3600_000;

/** The answers to a refresh that no server of this project gives. */
const ANSWERS = {
  "HTML of another program": [() => new Response("<html>", { headers: { "Content-Type": "text/html" } }), "retry", "not_json"],
  "JSON that is cut off": [() => new Response('{"access": "ey', { headers: { "Content-Type": "application/json" } }), "retry", "not_json"],
  "empty 200": [() => new Response("", { headers: { "Content-Type": "application/json" } }), "retry", "not_json"],
  "JSON that is no object": [() => json(200, 7), "retry", "not_json"],
  "JSON null": [() => json(200, null), "retry", "not_json"],
  "JSON array": [() => json(200, []), "fix", "no_token"],
  "200 without access": [() => json(200, { token: "x" }), "fix", "no_token"],
  "200 with access null": [() => json(200, { access: null, refresh: "null" }), "fix", "no_token"],
  "redirect, as node shows it": [() => new Response(null, { status: 301, headers: { Location: "/" } }), "fix", "redirected"],
  "redirect, as browsers show it": [
    () => Object.defineProperty(new Response(null, { status: 200 }), "type", { value: "opaqueredirect" }),
    "fix",
    "redirected",
  ],
  "401 of a proxy": [() => new Response("Unauthorized", { status: 401 }), "fix", "http_401"],
  "403 of a firewall": [() => new Response("Forbidden", { status: 403 }), "fix", "http_403"],
  "403 csrf_failed": [() => json(403, { code: "csrf_failed", detail: "x" }), "fix", "csrf_failed"],
  "404": [() => new Response("", { status: 404 }), "fix", "http_404"],
  "500": [() => new Response("<h1>Server Error", { status: 500 }), "retry", "http_500"],
  "502 of a proxy": [() => new Response("Bad gateway", { status: 502 }), "retry", "http_502"],
};

for (const transport of ["body", "cookie"]) {
  describe(`bad answers to a refresh, with the transport ${transport}`, () => {
    for (const [name, [answer, action, code]] of Object.entries(ANSWERS)) {
      test(
        `${name}: error says ${action}, tokens are kept, one refresh per second at most`,
        inBrowser(
          async ({ open, server, clock, storage, faults }) => {
            const client = open();
            await login(client);
            await clock.sleep(ACCESS_LIFETIME + 1000);
            const stored = storage.tokens?.refresh;
            const end = clock.now + 40_000;
            faults.push(({ path }) => (path === REFRESH && clock.now < end ? answer() : undefined));
            const before = clock.now;
            let calls = 0;
            while (clock.now < end - 20_000) {
              const error = await errorOf(Promise.race([client.fetch(ME), client.fetch(ME)]));
              // After some answers of this kind, the client waits.
              const expected = error.retryAfter ? ["retry", "no_answer"] : [action, code];
              assert.deepEqual([error.action, error.code], expected, error.message);
              assert.match(error.message, /kept|Correct/);
              await clock.sleep(20);
              calls++;
            }
            assert.ok(calls > 0);
            assert.ok(server.count(REFRESH) <= (clock.now - before) / 1000 + 1, `${server.count(REFRESH)} refreshes`);
            assert.equal(storage.tokens?.refresh, stored);
            await clock.sleep(120_000);
            assert.equal((await client.fetch(ME)).status, 200);
            assert.equal(client.events.filter(({ type }) => type === "logout").length, 0);
          },
          { transport },
        ),
      );
    }
  });

  describe(`clocks, with the transport ${transport}`, () => {
    for (const [name, skew] of Object.entries({ "years behind": -30 * YEAR, "years ahead": 30 * YEAR })) {
      test(
        `clock ${name}: one refresh per lifetime`,
        inBrowser(
          async ({ open, server, clock }) => {
            clock.skew = skew;
            const client = open();
            await login(client);
            for (let minute = 0; minute < 60; minute++) {
              assert.equal((await client.fetch(ME)).status, 200);
              await clock.sleep(60_000);
            }
            assert.ok(server.count(REFRESH) >= 3 && server.count(REFRESH) <= 6, `${server.count(REFRESH)} refreshes`);
          },
          { transport },
        ),
      );
    }

    for (const jump of [-10 * YEAR, 10 * YEAR]) {
      test(
        `clock moves by ${jump / YEAR} years: one more refresh at most`,
        inBrowser(
          async ({ open, server, clock }) => {
            const client = open();
            await login(client);
            await clock.sleep(20_000);
            clock.skew = jump;
            for (let call = 0; call < 20; call++) {
              assert.equal((await client.fetch(ME)).status, 200);
              await clock.sleep(2000);
            }
            assert.equal(server.count(REFRESH), 1);
          },
          { transport },
        ),
      );
    }

    test(
      "answer without Date (another origin hides it): the claim iat counts",
      inBrowser(
        async ({ open, server, clock, network }) => {
          clock.skew = 5 * YEAR;
          const without = async (...request) => {
            const answer = await network.fetch(...request);
            answer.headers.delete("Date");
            return answer;
          };
          const client = open({ fetch: without });
          await login(client);
          await clock.sleep(60_000);
          await client.fetch(ME);
          assert.equal(server.count(REFRESH), 0);
          await clock.sleep(ACCESS_LIFETIME);
          await client.fetch(ME);
          assert.equal(server.count("/api/me/", 401), 0);
        },
        { transport },
      ),
    );

    test(
      "neither Date nor a readable token: refreshes after the 401",
      inBrowser(
        async ({ open, server, clock, network }) => {
          const opaque = async (...request) => {
            const answer = await network.fetch(...request);
            const { access_expires_at: _, ...body } = await answer.json();
            return json(answer.status, body);
          };
          const client = open({ fetch: opaque });
          await login(client);
          await clock.sleep(ACCESS_LIFETIME + 1000);
          assert.equal((await client.fetch(ME)).status, 200);
          assert.equal(server.count("/api/me/", 401), 1);
          assert.equal(server.count(REFRESH), 1);
        },
        { transport },
      ),
    );
  });
}

describe("storage", () => {
  const it = (name, run, options) => test(name, inBrowser(run, options));
  const warnings = [];
  const onWarning = (error) => warnings.push(error);

  it("full at the login: works in this tab, and a warning says so", async ({ open, storage, clock, server }) => {
    storage.fail.add("setItem");
    warnings.length = 0;
    const client = open({ onWarning });
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    assert.equal((await client.fetch(ME)).status, 200);
    assert.deepEqual(warnings.map(({ action, code }) => [action, code]), [["fix", "storage"]]);
    assert.equal(server.count(REFRESH), 1);
  });

  it("full at a refresh: the used token is removed, this tab goes on", async ({ open, storage, clock, server }) => {
    warnings.length = 0;
    const client = open({ onWarning });
    await login(client);
    storage.fail.add("setItem");
    for (let round = 0; round < 3; round++) {
      await clock.sleep(ACCESS_LIFETIME + 1000);
      assert.equal((await client.fetch(ME)).status, 200);
      assert.equal(storage.tokens, null);
    }
    assert.equal(warnings.length, 1);
    assert.equal(server.sessions.get("s1").ended, undefined);
    storage.fail.clear();
    await clock.sleep(ACCESS_LIFETIME + 1000);
    assert.equal((await client.fetch(ME)).status, 200);
    assert.ok(storage.tokens.refresh);
    await client.logout();
    assert.equal(storage.tokens, null);
  });

  it("every method throws: works in this tab, logout included", async ({ open, storage, clock }) => {
    for (const method of ["getItem", "setItem", "removeItem"]) storage.fail.add(method);
    warnings.length = 0;
    const client = open({ onWarning });
    assert.equal(await client.loggedIn(), false);
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    assert.equal((await client.fetch(ME)).status, 200);
    await client.logout();
    assert.equal(await client.loggedIn(), false);
    assert.equal(warnings.length, 1);
  });

  it("access to localStorage throws: tokens in memory", async ({ open, clock }) => {
    Object.defineProperty(globalThis, "localStorage", {
      configurable: true,
      get: () => {
        throw new DOMException("denied", "SecurityError");
      },
    });
    try {
      const client = open({ storage: undefined });
      await login(client);
      await clock.sleep(ACCESS_LIFETIME + 1000);
      assert.equal((await client.fetch(ME)).status, 200);
    } finally {
      delete globalThis.localStorage;
    }
  });

  it("cleared during a refresh: logged out, as by localStorage.clear() at any time", async ({ open, storage, clock, server, faults }) => {
    const client = open();
    await login(client);
    await clock.sleep(ACCESS_LIFETIME + 1000);
    faults.push(once(REFRESH, ({ answer }) => (storage.values.clear(), json(200, answer().body))));
    for (let call = 0; call < 5; call++) {
      const error = await errorOf(client.fetch(ME));
      assert.equal(error.action, "login");
    }
    assert.equal(storage.tokens, null);
    assert.equal(server.count(REFRESH), 1);
    await login(client);
    assert.equal((await client.fetch(ME)).status, 200);
  });

  it("damaged entry: logged out without a request", async ({ open, storage, server }) => {
    const client = open();
    await login(client);
    const [key] = storage.values.keys();
    for (const text of ["{", "7", "null", '"x"', "[]"]) {
      storage.values.set(key, text);
      assert.equal(await client.loggedIn(), false, text);
    }
    assert.equal(server.count(REFRESH), 0);
  });

  it("entry of another version: its fields are kept, unknown messages are ignored", async ({ open, storage, clock }) => {
    const client = open();
    await login(client);
    const [key] = storage.values.keys();
    const { access, refresh } = storage.tokens;
    storage.values.set(key, JSON.stringify({ access, refresh, proofKey: "of version 2" }));
    new BroadcastChannel(key).postMessage({ kind: "of version 2" });
    await clock.sleep(ACCESS_LIFETIME + 1000);
    assert.equal((await client.fetch(ME)).status, 200);
    assert.equal(storage.tokens.proofKey, "of version 2");
    assert.notEqual(storage.tokens.refresh, refresh);
    assert.deepEqual(client.events.map(({ type }) => type), ["login", "refresh"]);
  });
});

describe("options", () => {
  const it = (name, run, options) => test(name, inBrowser(run, options));

  it("baseUrl without a slash: as with one", async ({ open, server }) => {
    const client = open({ baseUrl: BASE.slice(0, -1) });
    await login(client);
    assert.equal(await open().loggedIn(), true);
    assert.equal(server.count("/auth/login/"), 1);
  });

  test("relative baseUrl outside of a page: error says fix", () => {
    assert.throws(() => createClient({ baseUrl: "/auth/" }), { action: "fix", code: "base_url" });
  });

  it("login without access: error says fix, nothing is stored", async ({ open, storage, faults }) => {
    const client = open();
    faults.push(once("/auth/login/", () => json(200, { accessToken: "x" })));
    const error = await errorOf(login(client));
    assert.deepEqual([error.action, error.code], ["fix", "no_token"]);
    assert.match(error.message, /FIELD_NAMES/);
    assert.equal(storage.tokens, null);
  });

  it("transport body with a server that sets a cookie: error says fix", async ({ open, server }) => {
    const client = open();
    server.transport = "cookie";
    const error = await errorOf(login(client));
    assert.deepEqual([error.action, error.code], ["fix", "no_token"]);
  });

  it("API that refuses each access token: the 401 is returned, one refresh per second at most", async ({ open, server, clock, faults }) => {
    const client = open();
    await login(client);
    faults.push(({ path }) => (path === "/api/me/" ? json(401, { code: "token_not_valid", reason: "token_expired" }) : undefined));
    const before = clock.now;
    for (let call = 0; call < 5; call++) assert.equal((await client.fetch(ME)).status, 401);
    assert.ok(server.count(REFRESH) <= (clock.now - before) / 1000 + 1, `${server.count(REFRESH)}`);
  });
});

describe("where the access token goes", () => {
  const it = (name, run, options) => test(name, inBrowser(run, options));
  const OTHER = "https://other.example/api/me/";

  it("foreign origin: without the token, also after a 401", async ({ open, server, faults }) => {
    const client = open();
    await login(client);
    await client.fetch(OTHER);
    await client.fetch("//api.example:444/api/me/");
    await client.fetch("http://api.example/api/me/");
    await client.fetch("https://api.example.other.example/api/me/");
    assert.deepEqual(server.seen.map(({ authorization }) => authorization), [null, null, null, null]);
    faults.push(once("/api/me/", () => json(401, { code: "token_not_valid" })));
    assert.equal((await client.fetch(OTHER)).status, 401);
    assert.equal(server.count(REFRESH), 0);
    assert.deepEqual(await client.headers(OTHER), {});
  });

  it("origin of the list: with the token", async ({ open, server }) => {
    const client = open({ origins: ["https://other.example/any/path"] });
    await login(client);
    await client.fetch(OTHER);
    assert.match(server.seen[0].authorization, /^Bearer /);
  });

  it("relative URL: belongs to the origin of baseUrl", async ({ open, server }) => {
    const client = open();
    await login(client);
    await client.fetch("/api/me/");
    assert.equal(server.seen[0].origin, "https://api.example");
  });

  it("redirect of a call: not followed, error says fix; with redirect manual it is returned", async ({ open, faults, server }) => {
    const client = open();
    await login(client);
    const modes = [];
    const moved = ({ request }) => (modes.push(request.redirect), new Response(null, { status: 302, headers: { Location: OTHER } }));
    faults.push(once("/api/me/", moved, 2));
    const error = await errorOf(client.fetch(ME));
    assert.deepEqual([error.action, error.code], ["fix", "redirected"]);
    assert.equal((await client.fetch(ME, { redirect: "manual" })).status, 302);
    assert.deepEqual(modes, ["manual", "manual"]);
    assert.deepEqual(server.seen, []);
  });

  it("without a session: no token, redirects are followed", async ({ open, server, faults }) => {
    const modes = [];
    faults.push(({ request }) => void modes.push(request.redirect));
    const client = open();
    assert.equal((await errorOf(client.fetch(ME))).code, "logged_out");
    assert.equal(server.seen[0].authorization, null);
    assert.deepEqual(modes, ["follow"]);
  });
});

describe("bodies", () => {
  const it = (name, run) => test(name, inBrowser(run));

  it("Request with a body: repeated whole after a refresh", async ({ open, server, faults, clock }) => {
    const client = open();
    await login(client);
    await clock.sleep(20_000);
    faults.push(once("/api/me/", () => json(401, { code: "token_not_valid", reason: "token_superseded" })));
    const request = new Request(ME, { method: "PUT", body: "whole", headers: { "X-A": "b" } });
    assert.equal((await client.fetch(request)).status, 200);
    assert.equal(server.seen[0].text, "whole");
    assert.equal(server.count(REFRESH), 1);
  });

  it("stream: repeated whole after a refresh", async ({ open, server, faults, clock }) => {
    const client = open();
    await login(client);
    await clock.sleep(20_000);
    faults.push(once("/api/me/", async ({ request }) => (await request.text().catch(() => {}), json(401, { code: "token_not_valid", reason: "x" }))));
    const body = new Blob(["streamed"]).stream();
    assert.equal((await client.fetch(ME, { method: "POST", body, duplex: "half" })).status, 200);
    assert.equal(server.seen[0].text, "streamed");
  });

  it("used stream: TypeError before any request", async ({ open, server }) => {
    const client = open();
    await login(client);
    const request = new Request(ME, { method: "POST", body: "x" });
    await request.text();
    assert.ok((await errorOf(client.fetch(request))) instanceof TypeError);
    assert.deepEqual(server.seen, []);
  });

  it("aborted call: its AbortError", async ({ open }) => {
    const client = open();
    await login(client);
    const error = await errorOf(client.fetch(ME, { signal: AbortSignal.abort() }));
    assert.equal(error.name, "AbortError");
  });

  it("wrong password of a step-up is not sent again", async ({ open, server }) => {
    const client = open();
    await login(client);
    assert.equal((await errorOf(client.reauthenticate("wrong"))).action, "reauthenticate");
    assert.equal(server.count("/auth/reauthenticate/"), 1);
    await client.reauthenticate(PASSWORD);
  });
});
