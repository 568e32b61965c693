/** Put the modules, the adapters and their declarations into dist/. The modules have their source in the Django app. */

import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");

rmSync(dist, { recursive: true, force: true });
for (const name of ["client.js", "client-dpop.js"]) {
  cpSync(join(here, "../../refresh_sessions/static/refresh_sessions", name), join(dist, name));
}
cpSync(join(here, "types.d.ts"), join(dist, "types.d.ts"));
cpSync(join(here, "adapters"), join(dist, "adapters"), { recursive: true });
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
execFileSync(process.execPath, [tsc, "-p", join(here, "tsconfig.build.json")], { stdio: "inherit" });
