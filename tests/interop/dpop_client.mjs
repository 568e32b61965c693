// Makes proofs with the JavaScript client. Reads the path of the module; writes each request, and what jose reads in its
// proof, if the directory of jose is an argument.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const module = readFileSync(0, "utf8");
const { createClient } = await import(pathToFileURL(module));

const sent = [];
const fetch = async (request) => {
  sent.push({ method: request.method, url: request.url, headers: Object.fromEntries(request.headers) });
  const jwk = JSON.parse(Buffer.from(request.headers.get("DPoP").split(".")[0], "base64url")).jwk;
  const { crv, kty, x, y } = jwk;
  const jkt = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
  const access = `h.${Buffer.from(JSON.stringify({ sid: "s", cnf: { jkt } })).toString("base64url")}.s`;
  return Response.json({ access, refresh: "h.e30.s", session: { id: "s", bound: "dpop" } });
};
const client = createClient({ baseUrl: "https://testserver/auth/", dpop: true, fetch });
await client.login("ada", "secret");
await client.refresh();
await client.fetch("/who-am-i/?a=1#part", { method: "PUT", body: "x" });
await client.fetch("/b%C3%A4r ü/");

if (process.argv[2]) {
  const require = createRequire(`${process.argv[2]}/package.json`);
  const { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } = await import(pathToFileURL(require.resolve("jose")));
  for (const request of sent) {
    const { payload, protectedHeader } = await jwtVerify(request.headers.dpop, EmbeddedJWK, { typ: "dpop+jwt", algorithms: ["ES256"] });
    request.jose = { claims: payload, thumbprint: await calculateJwkThumbprint(protectedHeader.jwk) };
  }
}
console.log(JSON.stringify(sent));
