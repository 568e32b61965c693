/** The package as npm packs it, installed elsewhere. Needs npm and TypeScript. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const HERE = join(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCES = join(HERE, "../../refresh_sessions/static/refresh_sessions");
const TSC = join(HERE, "node_modules/typescript/bin/tsc");

const USER = `
import { createClient, SessionError } from "refresh-sessions-client";
import { kyOptions } from "refresh-sessions-client/adapters/ky";
import type { BoundKey, Client, KeyStorage, Options } from "refresh-sessions-client/types";

const options: Options = { baseUrl: "/auth/", transport: "cookie", askIdentity: async () => ({ otp: "1" }) };
const client: Client = createClient(options);
const keys = new Map<string, BoundKey[]>();
const store: KeyStorage = { getItem: (name) => keys.get(name), setItem: async (name, value) => keys.set(name, value) };
createClient({ baseUrl: "/auth/", dpop: true });
createClient({ baseUrl: "/auth/", dpop: { store } });
createClient({ baseUrl: "/auth/", dpop: { keyPair: await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]) } });
const proven: Record<string, string> = await client.headers("/api/", "POST");
console.log(await client.recover({ code: "use_dpop_nonce" }, proven, new Headers().get("DPoP-Nonce")));
const { session, methods } = await client.login("ada", "secret", { deviceName: "Phone" });
const list: { [field: string]: any }[] = await client.sessions.list();
const end: () => void = client.onChange(({ type, remote }) => console.log(type === "logout", remote));
const response: Response = await client.fetch("/api/", { method: "POST" });
kyOptions(client);
try {
  await client.refresh();
} catch (error) {
  if (error instanceof SessionError && error.action === "retry") console.log(error.retryAfter, session, methods, list, end, response);
}
`;

const WRONG = ['client.createClient({});', 'client.createClient({ baseUrl: "/", transport: "header" });', 'client.createClient({ baseUrl: "/", dpop: "yes" });', 'client.createClient({ baseUrl: "/" }).login("ada");'];

describe("npm package", { skip: !existsSync(TSC) && "npm ci was not run" }, () => {
  const directory = mkdtempSync(join(tmpdir(), "refresh-sessions-client-"));
  const run = (command, args, cwd = directory) => execFileSync(command, args, { cwd, encoding: "utf-8", stdio: ["ignore", "pipe", "pipe"] });
  const check = (name, text) => {
    writeFileSync(join(directory, name), text);
    const args = [TSC, "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable", "--types", "", "--ignoreConfig", name];
    return run(process.execPath, args);
  };
  let packed;

  before(() => {
    [packed] = JSON.parse(run("npm", ["pack", "--json", "--silent", "--pack-destination", directory], HERE));
    const home = join(directory, "node_modules/refresh-sessions-client");
    mkdirSync(home, { recursive: true });
    run("tar", ["-xzf", join(directory, packed.filename), "-C", home, "--strip-components", "1"]);
    writeFileSync(join(directory, "package.json"), '{"type": "module"}');
  });
  after(() => rmSync(directory, { recursive: true }));

  test("contents: the module of the Django app, declarations, adapters, README", () => {
    const names = packed.files.map(({ path }) => path);
    for (const name of ["README.md", "package.json", "dist/client.js", "dist/client.d.ts", "dist/client-dpop.js", "dist/types.d.ts", "dist/adapters/axios.js", "dist/adapters/axios.d.ts"]) {
      assert.ok(names.includes(name), name);
    }
    assert.equal(names.filter((name) => /test|node_modules|lock/.test(name)).length, 0);
    for (const name of ["client.js", "client-dpop.js"]) {
      const installed = join(directory, "node_modules/refresh-sessions-client/dist", name);
      assert.equal(readFileSync(installed, "utf-8"), readFileSync(join(SOURCES, name), "utf-8"));
    }
  });

  test("option dpop: the package has the module that it loads", () => {
    const program = `
      import { createClient } from "refresh-sessions-client";
      const fetch = async ({ headers }) => Response.json({ access: "a", refresh: "r", session: { bound: headers.has("DPoP") } });
      const client = createClient({ baseUrl: "https://api.example/auth", dpop: true, fetch });
      console.log((await client.login("ada", "secret")).session.bound);
    `;
    assert.equal(run(process.execPath, ["--input-type=module", "--eval", program]).trim(), "true");
  });

  test("import: the module and an adapter without a library", () => {
    const program = `
      import { createClient } from "refresh-sessions-client";
      import { axiosOptions } from "refresh-sessions-client/adapters/axios";
      const client = createClient({ baseUrl: "https://api.example/auth" });
      console.log(typeof axiosOptions(client).env.fetch, await client.loggedIn());
    `;
    assert.equal(run(process.execPath, ["--input-type=module", "--eval", program]).trim(), "function false");
  });

  test("types: a correct program passes, wrong ones do not", () => {
    check("user.ts", USER);
    for (const wrong of WRONG) assert.throws(() => check("wrong.ts", `import * as client from "refresh-sessions-client";\n${wrong}\n`), wrong);
  });
});
