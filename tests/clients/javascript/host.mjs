// Process with the tabs of all runs. Each line of standard input is a command, {id, op, ...}; each
// line of standard output is an answer, {id, ...}, in the order of completion.
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { makeJar, withJar } from "./jar.mjs";
import { Glue, Storage } from "./glue.mjs";

const runs = new Map();
const tabs = new Map();

const libraries = new Map();
const library = (name) => {
  if (!libraries.has(name)) libraries.set(name, import(`./libraries/${name}.mjs`));
  return libraries.get(name);
};

const PATIENCE_SECONDS = 4;

/** The reason of a failure, or null. A client that never answers is abandoned, as by a reload. */
async function outcome(work) {
  const tooLong = sleep(PATIENCE_SECONDS * 1000, null, { ref: false }).then(() => {
    throw new Error("no end of it");
  });
  try {
    await Promise.race([work(), tooLong]);
    return null;
  } catch (error) {
    return String(error?.message ?? JSON.stringify(error));
  }
}

async function atOnce(times, work) {
  const outcomes = await Promise.all(Array.from({ length: times }, (_, n) => outcome(() => work(n))));
  return { failures: outcomes.filter((failure) => failure !== null) };
}

const commands = {
  async open({ run, tab, client, style, origin, jar }) {
    if (!runs.has(run)) runs.set(run, { storage: new Storage(), jar: jar ? makeJar() : null });
    const { storage, jar: cookies } = runs.get(run);
    const glue = new Glue(style, storage);
    const { make } = await library(client);
    tabs.set(`${run}/${tab}`, { origin, glue, cookies, client: await make({ origin, glue }) });
  },

  async login({ run, tab, username, password }) {
    const { origin, glue } = tabs.get(`${run}/${tab}`);
    const answer = await fetch(`${origin}/auth/login/`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username, password }),
    });
    if (!answer.ok) throw new Error(`login: ${answer.status} ${await answer.text()}`);
    glue.save(await answer.json());
  },

  async call({ run, tab, times }) {
    const { client } = tabs.get(`${run}/${tab}`);
    return atOnce(times, (n) => client.call(n));
  },

  // Refresh and then call, as applications do at start.
  async start({ run, tab, times }) {
    const { client } = tabs.get(`${run}/${tab}`);
    return atOnce(times, async (n) => {
      await client.renew();
      await client.call(n);
    });
  },

  async look({ run }) {
    const { storage } = runs.get(run);
    return { signedOut: storage.signedOut, refresh: storage.getItem("refresh") };
  },

  async close({ run }) {
    runs.delete(run);
    for (const key of tabs.keys()) if (key.startsWith(`${run}/`)) tabs.delete(key);
  },
};

async function execute({ id, op, ...rest }) {
  const cookies = tabs.get(`${rest.run}/${rest.tab}`)?.cookies;
  try {
    const work = () => commands[op](rest);
    const answer = await (cookies ? withJar(cookies, work) : work());
    return { id, ...answer };
  } catch (error) {
    return { id, error: String(error?.stack ?? error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  execute(JSON.parse(line)).then((answer) => console.log(JSON.stringify(answer)));
}
process.exit(0);
