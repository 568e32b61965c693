// Many honest clients in one process, each with its own storage; a share of the answers to
// refreshes is lost after the server has handled them.
//
//     node crowd.mjs '{"origins": […], "usernames": […], "password": …, "seconds": …, "lost": …}'

import { createClient } from "../../../refresh_sessions/static/refresh_sessions/client.js";

const options = JSON.parse(process.argv[2]);
const PAUSE = 3000;

const counts = { calls: 0, refreshes: 0, lost: 0, retries: 0 };
const loggedOut = [];
const failures = [];

class Storage {
  #items = new Map();
  getItem = (name) => this.#items.get(name) ?? null;
  setItem = (name, value) => void this.#items.set(name, value);
  removeItem = (name) => void this.#items.delete(name);
}

async function lossyFetch(input, init) {
  const response = await fetch(input, init);
  if (!`${input.url ?? input}`.endsWith("/refresh/")) return response;
  counts.refreshes++;
  if (Math.random() >= options.lost) return response;
  counts.lost++;
  await response.arrayBuffer();
  throw new TypeError("the answer is lost");
}

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function live(username, number) {
  const origin = options.origins[number % options.origins.length];
  const client = createClient({
    baseUrl: `${origin}/auth/`,
    name: username,
    storage: new Storage(),
    fetch: lossyFetch,
    onWarning: () => counts.retries++,
  });
  try {
    await sleep(5000 * Math.random());
    await client.login(username, options.password);
    const end = Date.now() + 1000 * options.seconds;
    while (Date.now() < end) {
      await call(client, origin);
      await sleep(PAUSE * 2 * Math.random());
    }
    let known;
    // After lost answers, the client may refuse to send anything for some seconds.
    while ((known = await patiently(() => client.loggedIn())) === undefined) await sleep(1000);
    if (!known) loggedOut.push(username);
  } catch (error) {
    (error.action === "login" ? loggedOut : failures).push(`${username}: ${error}`);
  } finally {
    client.close();
  }
}

async function call(client, origin) {
  const response = await patiently(() => client.fetch(`${origin}/who-am-i/`));
  if (response === undefined) return;
  counts.calls++;
  if (response.status !== 200) failures.push(`${response.status}: ${await response.text()}`);
}

/** undefined if all attempts of the client are lost: the tokens are kept. */
async function patiently(run) {
  try {
    return await run();
  } catch (error) {
    if (error.action !== "retry") throw error;
    counts.retries++;
    return undefined;
  }
}

await Promise.all(options.usernames.map(live));
console.log(JSON.stringify({ ...counts, loggedOut, failures }));
