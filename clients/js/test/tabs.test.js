/** Many tabs of one browser, lost answers, logins and logouts, in random order with a seed. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ACCESS_LIFETIME } from "./fake-server.js";
import { inBrowser, login, ME, PASSWORD } from "./harness.js";

const SEEDS = Number(process.env.SEEDS ?? 40);
const FIRST = Number(process.env.SEED ?? 1);
const REFRESH = "/auth/refresh/";

/** Faults of the network, for a refresh alone or for each path. */
function faultsOf(clock, server, share) {
  return ({ path, answer }) => {
    if (clock.random() >= share) return undefined;
    const outcomes = ["lost", "never", () => (answer(), "never"), () => (answer(), "lost"), () => busy(503), () => busy(429)];
    const outcome = outcomes[Math.floor(clock.random() * (path === REFRESH ? 6 : 1))];
    return typeof outcome === "function" ? outcome() : outcome;
  };
}

const busy = (status) => new Response('{"code": "busy", "detail": "Busy."}', { status, headers: { "Retry-After": "1" } });

/** A fault may cost a call its answer; it never costs the session. */
const tolerant = (promise) =>
  promise.catch((error) => {
    if (error.action === "login" || error.action === "fix") throw error;
  });

/** The only unused refresh token that the browser has is the one that the server would rotate. */
function assertOneLiveToken({ server, storage, network, transport }) {
  const token = transport === "body" ? storage.tokens?.refresh : network.jar.refresh;
  const { sid, gen } = JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
  const session = server.sessions.get(sid);
  assert.equal(session.ended, undefined);
  assert.equal(gen, session.generation);
  if (server.proofs) assert.ok(session.jkt && server.proofs.some(([path]) => path === REFRESH), "the session is bound");
  assert.ok(!server.misuses, "the server has seen another key");
  const live = [...server.sessions.values()].filter((each) => !each.ended);
  return live;
}

const VARIANTS = [
  { transport: "body", locks: true, companion: true },
  { transport: "body", locks: true, companion: false },
  { transport: "body", locks: true, companion: true, lag: 8 },
  { transport: "body", locks: true, companion: false, lag: 8 },
  { transport: "body", locks: false, companion: true },
  { transport: "body", locks: false, companion: false },
  { transport: "cookie", locks: true },
  { transport: "body", locks: true, companion: false, dpop: true },
  { transport: "body", locks: false, companion: true, dpop: true },
  { transport: "cookie", locks: true, dpop: true },
];

for (const variant of VARIANTS) {
  const title = Object.entries(variant).map(([key, value]) => `${key}: ${value}`).join(", ");

  describe(title, () => {
    test(
      "ten tabs woken at once after expiry: all continue, one live token",
      inBrowser(async ({ open, server, storage, network, clock }) => {
        const tabs = Array.from({ length: 10 }, () => open());
        await login(tabs[0]);
        for (let round = 0; round < 12; round++) {
          await clock.sleep(ACCESS_LIFETIME + 1000);
          const answers = await Promise.all(tabs.map((tab) => tab.fetch(ME)));
          assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
          await clock.sleep(11_000);
          assertOneLiveToken({ server, storage, network, transport: variant.transport });
        }
        if (variant.locks && !variant.lag && variant.transport === "body") assert.equal(server.count(REFRESH), 12);
      }, variant),
    );

    const seeds = variant.dpop ? Math.ceil(SEEDS / 4) : SEEDS; // Signatures take time.
    for (let seed = FIRST; seed < FIRST + seeds; seed++) {
      test(
        `lost answers, seed ${seed}: nobody is logged out, one live token`,
        inBrowser(async ({ open, server, storage, network, clock, faults }) => {
          const tabs = Array.from({ length: 2 + Math.floor(clock.random() * 4) }, () => open());
          await login(tabs[0]);
          await clock.sleep(variant.lag ?? 0); // Until then, the other tabs know no session.
          faults.push(faultsOf(clock, server, 0.25));
          network.latency = [1, 800];
          const work = tabs.map(async (_, index) => {
            for (let call = 0; call < 12; call++) {
              await clock.sleep(clock.random() * (clock.random() < 0.3 ? ACCESS_LIFETIME * 1.2 : 2000));
              const dice = clock.random();
              if (dice < 0.1) {
                tabs[index].close();
                tabs[index] = open(); // A reload.
              } else if (dice < 0.3) await tolerant(tabs[index].refresh());
              else if (dice < 0.4) await tolerant(tabs[index].reauthenticate(PASSWORD));
              else await tolerant(tabs[index].fetch(ME)).catch(ignoreTypeError);
            }
          });
          await Promise.all(work);
          faults.length = 0;
          await clock.sleep(61_000);
          for (const tab of tabs) assert.equal((await tab.fetch(ME)).status, 200);
          await clock.sleep(61_000);
          // Without locks, the answer with the newest token may have been discarded: a lost answer.
          await tabs[0].refresh();
          for (const tab of tabs) assert.equal((await tab.fetch(ME)).status, 200);
          assert.equal(assertOneLiveToken({ server, storage, network, transport: variant.transport }).length, 1);
          for (const tab of tabs) assert.equal(tab.events.some(({ type }) => type === "logout"), false);
        }, { ...variant, seed }),
      );

      test(
        `logins and logouts race refreshes, seed ${seed}: the last login wins in all tabs`,
        inBrowser(async ({ open, server, storage, network, clock }) => {
          const tabs = Array.from({ length: 4 }, () => open());
          await login(tabs[0]);
          await clock.sleep(variant.lag ?? 0);
          network.latency = [1, 900];
          const work = tabs.map(async (tab, index) => {
            for (let call = 0; call < 8; call++) {
              await clock.sleep(clock.random() * 4000);
              if (index === 0 && clock.random() < 0.5) await (clock.random() < 0.4 ? tab.logout() : login(tab));
              else await tab.refresh().catch(onlyAction("login", "retry"));
            }
          });
          await Promise.all(work);
          await login(tabs[0]);
          await clock.sleep(12_000);
          const newest = `s${server.sessions.size}`;
          for (let round = 0; round < 3; round++) {
            for (const tab of tabs) assert.equal((await (await tab.fetch(ME)).json()).sid, newest);
            await clock.sleep(ACCESS_LIFETIME);
          }
          for (const { ended } of server.sessions.values()) assert.ok([undefined, "logout"].includes(ended), ended);
          assertOneLiveToken({ server, storage, network, transport: variant.transport });
        }, { ...variant, seed }),
      );
    }
  });
}

function ignoreTypeError(error) {
  if (!(error instanceof TypeError)) throw error;
}

function onlyAction(...actions) {
  return (error) => {
    if (!actions.includes(error.action)) throw error;
  };
}
