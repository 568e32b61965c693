/** However long answers are lost, a client stays below the eight recoveries in a row of the server. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ACCESS_LIFETIME } from "./fake-server.js";
import { inBrowser, login, lostAnswer, ME, once } from "./harness.js";

const REFRESH = "/auth/refresh/";
const HOUR = 3600_000;

/** Call from all tabs, and reload each of them now and then. */
async function live({ open, clock }, tabs, end, every) {
  await Promise.all(
    tabs.map(async (_, index) => {
      while (clock.now < end) {
        await clock.sleep(every * 2 * clock.random());
        if (clock.random() < 0.1) {
          tabs[index].close();
          tabs[index] = open();
        }
        await tabs[index].fetch(ME).catch((error) => {
          if (error.action && error.action !== "retry") throw error;
        });
      }
    }),
  );
}

async function assertAllContinue({ server, clock }, tabs, wait) {
  await clock.sleep(wait);
  for (const tab of tabs) assert.equal((await tab.fetch(ME)).status, 200);
  assert.equal(server.sessions.get("s1").ended, undefined);
  for (const tab of tabs) assert.ok(tab.events.every(({ type }) => type !== "logout"));
}

for (const transport of ["body", "cookie"]) {
  for (const overlap of [0, 10_000]) {
    describe(`transport ${transport}, overlap of ${overlap / 1000} s`, () => {
      const it = (name, run, options) =>
        test(name, inBrowser((world) => ((world.server.overlap = overlap), run(world)), { transport, ...options }));

      it("all answers are lost for three hours: the server rotates once", async (world) => {
        const { open, server, clock, faults } = world;
        const tabs = Array.from({ length: 5 }, () => open());
        await login(tabs[0]);
        await clock.sleep(ACCESS_LIFETIME + 1000);
        const end = clock.now + 3 * HOUR;
        let generation;
        faults.push(({ answer }) => {
          if (clock.now >= end) return undefined;
          answer();
          ({ generation } = server.sessions.get("s1"));
          return "lost";
        });
        await live(world, tabs, end, 30_000);
        assert.equal(generation, 2);
        await assertAllContinue(world, tabs, 0);
      });

      for (const storage of [undefined, null]) {
        it(`only answers to refreshes are lost for an hour, storage ${storage}: the session goes on`, async (world) => {
          const { open, server, clock, faults } = world;
          // Without a storage, each tab counts alone.
          const tabs = Array.from({ length: storage === null ? 1 : 5 }, () => open(storage === null ? { storage } : {}));
          await login(tabs[0]);
          await clock.sleep(ACCESS_LIFETIME + 1000);
          const end = clock.now + HOUR;
          faults.push(({ path, answer }) => (path === REFRESH && clock.now < end ? (answer(), "lost") : undefined));
          await live({ ...world, open: storage === null ? () => tabs[0] : open }, tabs, end, 5000);
          assert.ok(server.sessions.get("s1").generation > 4);
          await assertAllContinue(world, tabs, 1.5 * HOUR);
        });
      }

      it("the page is reloaded during each of thirty refreshes: the session goes on", async (world) => {
        const { open, server, clock, network, faults } = world;
        await login(open());
        await clock.sleep(ACCESS_LIFETIME + 1000);
        faults.push(once(REFRESH, lostAnswer, 30));
        // A tab that is gone hears nothing.
        const hearsNothing = (url, init) => {
          const answer = network.fetch(url, init);
          return url.endsWith("refresh/") ? (answer.catch(() => {}), new Promise(() => {})) : answer;
        };
        for (let load = 0; load < 30; load++) {
          const tab = open({ fetch: hearsNothing, locks: null });
          tab.refresh().catch(() => {});
          await clock.sleep(11_000);
          tab.close();
        }
        faults.length = 0;
        assert.ok(server.sessions.get("s1").generation > 4);
        await assertAllContinue(world, [open()], 1.5 * HOUR);
      });

      it("no request arrives for a day: the first call after it succeeds at once", async (world) => {
        const { open, clock, faults } = world;
        const tabs = [open(), open()];
        await login(tabs[0]);
        await clock.sleep(ACCESS_LIFETIME + 1000);
        const end = clock.now + 24 * HOUR;
        faults.push(() => (clock.now < end ? "lost" : undefined));
        await live(world, tabs, end, 300_000);
        const before = clock.now;
        await assertAllContinue(world, tabs, 0);
        assert.ok(clock.now - before < 15_000, `${clock.now - before} ms`);
      });
    });
  }
}
