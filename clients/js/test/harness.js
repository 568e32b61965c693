/** What a test needs: a browser with tabs and a server. */

import { createClient } from "../../../refresh_sessions/static/refresh_sessions/client.js";
import { DpopServer, FakeDatabase, followCrypto } from "./fake-dpop.js";
import { BASE, FakeServer, json, Network, PASSWORD } from "./fake-server.js";
import { Clock, FakeLocks, FakeStorage, LateStorage } from "./simulation.js";

export { BASE, PASSWORD };
export const ME = "https://api.example/api/me/";
export const SENSITIVE = "https://api.example/api/sensitive/";

await import("../../../refresh_sessions/static/refresh_sessions/client-dpop.js"); // Loading takes real time.

/**
 * Run a test in virtual time.
 * @param {(world: any) => Promise<void>} test @param {any} [options]
 */
export function inBrowser(test, { seed = 1, transport = "body", locks = true, companion = true, lag = 0, dpop = false } = {}) {
  return async () => {
    const clock = new Clock(seed).install();
    const tabs = [];
    const restore = followCrypto(clock);
    try {
      const server = Object.assign(dpop ? new DpopServer(clock) : new FakeServer(clock), { transport });
      const network = new Network(server, clock, { companion });
      const storage = new FakeStorage();
      const database = dpop ? new FakeDatabase() : undefined;
      if (dpop) globalThis.indexedDB = database;
      const shared = locks ? new FakeLocks() : null;
      const open = (more = {}) => {
        const client = createClient({ baseUrl: BASE, transport, storage: lag ? new LateStorage(storage, clock, lag) : storage, locks: shared, fetch: network.fetch, dpop, ...more });
        const events = [];
        client.onChange((event) => events.push(event));
        tabs.push(client);
        return Object.assign(client, { events });
      };
      const faults = network.faults;
      await clock.run(test({ clock, server, network, storage, locks: shared, open, faults, seed, database }));
    } finally {
      for (const tab of tabs) tab.close();
      clock.uninstall();
      restore();
      delete globalThis.indexedDB;
    }
  };
}

/** A fault of the next requests to a path. */
export function once(path, outcome, times = 1) {
  return ({ path: asked, ...more }) => {
    if (asked !== path || times-- <= 0) return undefined;
    return typeof outcome === "function" ? outcome(more) : outcome;
  };
}

/** The request reaches the server; its answer is lost. */
export const lostAnswer = ({ answer }) => {
  answer();
  return "never";
};

/** The server answers at once; the answer arrives late. */
export const lateAnswer = (clock, ms) => async ({ answer }) => {
  const { status, body, headers } = answer();
  await clock.sleep(ms);
  return json(status, body, { Date: new Date(clock.now).toUTCString(), ...headers });
};

/** @param {Promise<any>} promise @returns {Promise<any>} The error. */
export const errorOf = (promise) =>
  promise.then(
    (value) => {
      throw new Error(`no error, but ${JSON.stringify(value)}`);
    },
    (error) => error,
  );

export const login = (client) => client.login("ada", PASSWORD, { deviceName: "Laptop" });
