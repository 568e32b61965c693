/** The adapters with the libraries themselves, in real time. */

import "@angular/compiler";

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HttpClient, provideHttpClient, withFetch, withInterceptors } from "@angular/common/http";
import { createEnvironmentInjector, Injector, provideZonelessChangeDetection, ɵINJECTOR_SCOPE } from "@angular/core";
import { configureStore } from "@reduxjs/toolkit";
import { createApi } from "@reduxjs/toolkit/query";
import { QueryClient } from "@tanstack/query-core";
import axios from "axios";
import ky from "ky";
import { createElement } from "react";
import renderer, { act } from "react-test-renderer";
import { firstValueFrom } from "rxjs";
import { effectScope } from "vue";

import { createClient } from "../../../../refresh_sessions/static/refresh_sessions/client.js";
import { sessionInterceptor } from "../../adapters/angular.js";
import { axiosOptions } from "../../adapters/axios.js";
import { kyOptions } from "../../adapters/ky.js";
import { useLoggedIn as useLoggedInReact } from "../../adapters/react.js";
import { sessionBaseQuery } from "../../adapters/redux-toolkit.js";
import { clearOnLogout, queryOptions } from "../../adapters/tanstack-query.js";
import { useLoggedIn as useLoggedInVue } from "../../adapters/vue.js";
import { DpopServer } from "../fake-dpop.js";
import { BASE, FakeServer, Network, PASSWORD } from "../fake-server.js";
import { errorOf, login, ME, SENSITIVE } from "../harness.js";

const clock = {
  get now() {
    return Date.now();
  },
  random: Math.random,
  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
};

let number = 0;

async function open({ dpop = false } = {}) {
  const server = Object.assign(dpop ? new DpopServer(clock) : new FakeServer(clock), { transport: "body", bindsAccess: dpop, asksNonce: dpop });
  const network = Object.assign(new Network(server, clock), { latency: [0, 1] });
  const options = { baseUrl: BASE, storage: null, name: `adapters ${number++}`, fetch: network.fetch, askIdentity: () => PASSWORD, dpop };
  const client = createClient(options);
  await login(client);
  return { client, server, network };
}

/** The server takes the access token for superseded, until the client has refreshed. */
function supersede(server) {
  Object.assign(server.sessions.get("s1"), { generation: 3, redeemable: 2 });
  const { judge } = server;
  server.judge = function accept(session) {
    this.judge = judge;
    return this.rotate(session, session.generation, false, 0);
  };
}

/** Each library as `send(url, body) => data`, a POST with JSON. */
const LIBRARIES = {
  axios: (client) => async (url, body) => (await axios.create(axiosOptions(client)).post(url, body)).data,
  ky: (client) => (url, json) => ky.create(kyOptions(client)).post(url, { json }).json(),
  Angular: (client) => {
    const root = { provide: ɵINJECTOR_SCOPE, useValue: "root" }; // As in an application.
    const providers = [root, provideZonelessChangeDetection(), provideHttpClient(withFetch(), withInterceptors([sessionInterceptor(client)]))];
    const http = createEnvironmentInjector(providers, Injector.create({ providers: [] })).get(HttpClient);
    return (url, body) => firstValueFrom(http.post(url, body));
  },
  "Redux Toolkit": (client) => {
    const endpoints = (build) => ({ send: build.mutation({ query: ([url, body]) => ({ url, method: "POST", body }) }) });
    const api = createApi({ baseQuery: sessionBaseQuery(client, { baseUrl: "https://api.example/" }), endpoints });
    const store = configureStore({ reducer: { api: api.reducer }, middleware: (defaults) => defaults().concat(api.middleware) });
    return (...sent) => store.dispatch(api.endpoints.send.initiate(sent)).unwrap();
  },
};

for (const [name, make] of Object.entries(LIBRARIES)) {
  describe(name, () => {
    test("call with a superseded token: refreshed, and repeated with its body", async () => {
      const { client, server, network } = await open();
      if (name === "Angular") globalThis.fetch = network.fetch;
      const send = make(client);
      supersede(server);
      assert.deepEqual(await send(ME, { a: 1 }), { sid: "s1" });
      assert.deepEqual(server.seen.map(({ text }) => text), ['{"a":1}', '{"a":1}']);
      assert.equal(server.count("/auth/refresh/"), 1);
      client.close();
    });

    test("step-up: asked, and repeated", async () => {
      const { client, server, network } = await open();
      if (name === "Angular") globalThis.fetch = network.fetch;
      const send = make(client);
      server.stepUp = true;
      server.sessions.get("s1").authenticated = 99;
      assert.deepEqual(await send(SENSITIVE, {}), { sid: "s1" });
      assert.equal(server.count("/auth/reauthenticate/", 200), 1);
      client.close();
    });

    test("revoked session: error says log in, without more calls", async () => {
      const { client, server, network } = await open();
      if (name === "Angular") globalThis.fetch = network.fetch;
      const send = make(client);
      server.revoke(server.sessions.get("s1"));
      const error = await errorOf(send(ME, {}));
      assert.equal((error.action ? error : error.cause)?.action, "login", `${error}`);
      assert.equal(server.count("/auth/refresh/"), 1);
      client.close();
    });

    test("token bound to a key, and a nonce that is too old: repeated with another proof", async () => {
      const { client, server, network } = await open({ dpop: true });
      if (name === "Angular") globalThis.fetch = network.fetch;
      const send = make(client);
      server.nonceOf = () => "the next nonce";
      assert.deepEqual(await send(ME, { a: 1 }), { sid: "s1" });
      assert.deepEqual(server.seen.map(({ text }) => text), ['{"a":1}', '{"a":1}']);
      assert.deepEqual(server.proofs.at(-1)[1].htm, "POST");
      assert.equal(server.misuses, 0);
      client.close();
    });

    test("foreign origin: without the token", async () => {
      const { client, server, network } = await open();
      if (name === "Angular") globalThis.fetch = network.fetch;
      await make(client)("https://other.example/api/me/", {}).catch(() => {});
      assert.deepEqual(server.seen.map(({ authorization }) => authorization), [null]);
      client.close();
    });
  });
}

describe("TanStack Query", () => {
  test("query: refreshed; revoked session: no retry", async () => {
    const { client, server } = await open();
    const queries = new QueryClient({ defaultOptions: queryOptions(client) });
    supersede(server);
    assert.deepEqual(await queries.fetchQuery({ queryKey: [ME] }), { sid: "s1" });
    server.revoke(server.sessions.get("s1"));
    assert.equal((await errorOf(queries.fetchQuery({ queryKey: [ME, 2] }))).action, "login");
    assert.equal(server.count("/auth/refresh/"), 2);
    client.close();
  });

  test("logout: the cache is cleared; a refresh clears nothing", async () => {
    const { client } = await open();
    const queries = new QueryClient();
    const end = clearOnLogout(client, queries);
    for (const [change, left] of [["refresh", 1], ["logout", 0]]) {
      queries.setQueryData([ME], {});
      await client[change]();
      assert.equal(queries.getQueryCache().getAll().length, left, change);
    }
    end();
    client.close();
  });

  test("query whose answer is an error: rejected, without a retry", async () => {
    const { client, network, server } = await open();
    network.faults.push(({ path }) => (path === "/api/me/" ? new Response("", { status: 404 }) : undefined));
    const queries = new QueryClient({ defaultOptions: queryOptions(client) });
    await assert.rejects(queries.fetchQuery({ queryKey: [ME], retry: queryOptions(client).queries.retry }), /404/);
    assert.equal(server.count("/api/me/"), 1);
    client.close();
  });

  test("retry: for the action retry, after Retry-After", async () => {
    const { retry, retryDelay } = queryOptions({ fetch }).queries;
    assert.deepEqual([retry(0, { action: "retry" }), retry(3, { action: "retry" }), retry(0, { action: "fix" })], [true, false, false]);
    assert.deepEqual([retryDelay(1, { retryAfter: 7 }), retryDelay(2, {})], [7000, 4000]);
  });
});

describe("React", () => {
  test("useLoggedIn: undefined, then the state, then each change", async () => {
    globalThis.IS_REACT_ACT_ENVIRONMENT = true;
    const { client } = await open();
    const seen = [];
    const Component = () => {
      seen.push(useLoggedInReact(client));
      return null;
    };
    let root;
    await act(async () => void (root = renderer.create(createElement(Component))));
    await act(() => client.logout());
    await act(() => login(client));
    await act(async () => root.unmount());
    await client.logout();
    assert.deepEqual(seen, [undefined, true, false, true]);
    client.close();
  });
});

describe("Vue", () => {
  test("useLoggedIn: undefined, then the state, then each change", async () => {
    const { client } = await open();
    const scope = effectScope();
    const loggedIn = scope.run(() => useLoggedInVue(client));
    assert.equal(loggedIn.value, undefined);
    await clock.sleep(5);
    assert.equal(loggedIn.value, true);
    await client.logout();
    assert.equal(loggedIn.value, false);
    scope.stop();
    await login(client);
    assert.equal(loggedIn.value, false);
    client.close();
  });
});
