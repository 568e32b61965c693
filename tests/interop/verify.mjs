// Reads {jwks, tokens, issuer, audience} and writes the claims or the error of each token.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.argv[2]}/package.json`);
const { createLocalJWKSet, jwtVerify } = await import(pathToFileURL(require.resolve("jose")));
const { jwks, tokens, issuer, audience } = JSON.parse(readFileSync(0, "utf8"));
const keys = createLocalJWKSet(jwks);
const said = [];
for (const token of tokens) {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      typ: "at+jwt",
      requiredClaims: ["exp", "iat", "sub", "jti", "client_id"],
    });
    said.push({ claims: payload });
  } catch (error) {
    said.push({ error: error.code });
  }
}
console.log(JSON.stringify(said));
