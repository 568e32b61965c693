// Two libraries of other authors use a server: reads {origin, credentials}, writes what happened.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.argv[2]}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const [dpop, oauth] = await Promise.all([load("dpop"), load("oauth4webapi")]);
const { origin, credentials } = JSON.parse(readFileSync(0, "utf8"));

let nonce;

async function post(path, body, keys, headers = {}) {
  const url = `${origin}${path}`;
  const send = async () => {
    const proof = await dpop.generateProof(keys, url, "POST", nonce);
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", dpop: proof, ...headers },
      body: JSON.stringify(body),
    });
    nonce = answer.headers.get("dpop-nonce") ?? nonce;
    return { status: answer.status, body: await answer.json().catch(() => null) };
  };
  const first = await send();
  return first.body?.code === "use_dpop_nonce" ? send() : first;
}

async function useDPoP(algorithm) {
  const keys = await dpop.generateKeyPair(algorithm);
  const attacker = await dpop.generateKeyPair(algorithm);
  const login = await post("/auth/login/", credentials, keys);
  const { refresh } = login.body;
  const stolen = await post("/auth/refresh/", { refresh }, attacker);
  const refreshed = await post("/auth/refresh/", { refresh }, keys);
  const logout = await post("/auth/logout/", { refresh: refreshed.body.refresh }, keys);
  return {
    bound: login.body.session.bound,
    thumbprint: await dpop.calculateThumbprint(keys.publicKey),
    statuses: [login.status, stolen.status, refreshed.status, logout.status],
    stolen: stolen.body.code,
  };
}

async function useOAuth() {
  const keys = await oauth.generateKeyPair("ES256");
  const login = await post("/auth/login/", credentials, keys);
  const server = { issuer: origin, token_endpoint: `${origin}/oauth/token/` };
  const client = { client_id: "app" };
  const DPoP = oauth.DPoP(client, keys);
  const options = { DPoP, [oauth.allowInsecureRequests]: true };
  let nonces = 0;
  const repeat = async (call) => {
    try {
      return await call();
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error;
      nonces += 1;
      return call();
    }
  };
  const tokens = await repeat(async () => {
    const answer = await oauth.refreshTokenGrantRequest(
      server, client, oauth.None(), login.body.refresh, options,
    );
    return oauth.processRefreshTokenResponse(server, client, answer);
  });
  const call = async () => {
    const url = new URL(`${origin}/who-am-i/`);
    return oauth.protectedResourceRequest(tokens.access_token, "GET", url, undefined, undefined, options);
  };
  const answer = await repeat(call);
  return { type: tokens.token_type, rotated: Boolean(tokens.refresh_token), status: answer.status, nonces };
}

const said = { oauth: await useOAuth() };
for (const algorithm of ["ES256", "Ed25519", "RS256", "PS256"]) said[algorithm] = await useDPoP(algorithm);
console.log(JSON.stringify(said));
