/**
 * DPoP (RFC 9449) for client.js, which imports this module if the option `dpop` is set: docs/client.md.
 * @import { Binding, BoundKey, Data, DpopOptions } from "refresh-sessions-client/types"
 */

const DATABASE = "refresh_sessions:keys";
const PATIENCE = 2000; // IndexedDB may be blocked; client.js waits 3 seconds for a refresh.
const MAX_KEYS = 3; // After a crash or parallel logins, the stored tokens may be of the login before.

const LOGIN = /^login\/(verify\/)?$/;
const PROVEN = /^(refresh(-token)?|logout|revoke|reauthenticate|sessions\/branch)\/$/;

/** Send a request with a proof, if the server demands one. @param {Binding} client @param {any} input @param {RequestInit} [init] */
export async function send(client, input, init) {
  const copy = () => (input instanceof Request ? input.clone() : new Request(input, init));
  const { url, headers } = input instanceof Request ? input : copy();
  const path = url.startsWith(client.base.href) ? url.slice(client.base.href.length) : "";
  const token = headers.get("Authorization")?.split(" ")[1];
  const isLogin = LOGIN.test(path);
  const proven = PROVEN.test(path) || client.claimsOf(token).cnf;
  if (!isLogin && !proven) return note(client, url, await client.fetch(input, init));

  const keys = isLogin ? [await keyOfLogin(client, path)] : await keysFor(client, token ?? refreshTokenOf(client, init));
  const response = await sendWithFirstAccepted(client, copy, keys, token);
  if (isLogin && keys[0]) await endLogin(client, path, keys[0], response);
  if (response.status === 403 && !client.unable && (await codeOf(response)) === "binding_required") return advise(response, "login");
  return response;
}

/** @param {Binding} client @param {() => Request} copy @param {(BoundKey | undefined)[]} keys @param {string} [token] */
async function sendWithFirstAccepted(client, copy, keys, token) {
  const repeated = new Set();
  for (let index = 0; ; ) {
    const key = keys[index];
    const request = copy();
    if (key?.pair && (repeated.size || index || !request.headers.has("DPoP"))) {
      request.headers.set("DPoP", await proofOf(client, key, request.method, request.url, token));
      if (client.claimsOf(token).cnf) request.headers.set("Authorization", `DPoP ${token}`);
    }
    const response = note(client, request.url, await client.fetch(request));
    const code = response.status === 401 && (await codeOf(response));
    if (code !== "use_dpop_nonce" && code !== "invalid_dpop_proof") return response;
    const now = Date.parse(`${response.headers.get("Date")}`);
    if (code === "invalid_dpop_proof" && now) client.skew = now - Date.now();
    if (key?.pair && !repeated.has(code)) repeated.add(code);
    else if (code === "use_dpop_nonce" || ++index >= keys.length) return refused(client, keys, response, code);
  }
}

/** @param {Binding} client @param {(BoundKey | undefined)[]} keys @param {Response} response @param {string} code */
function refused(client, keys, response, code) {
  if (keys.some((key) => key?.pair)) return advise(response, code === "use_dpop_nonce" ? "retry" : "fix");
  if (client.unable) {
    client.unable = client.failed = false;
    return advise(response, "retry");
  }
  // Without the key, the tokens are of no use to anybody.
  const data = { detail: "The key of the session is lost.", code: "token_not_valid", reason: "dpop_key_lost" };
  return new Response(JSON.stringify(data), { status: 401, headers: response.headers });
}

/** The action of the error that client.js throws. @param {Response} response @param {string} action */
const advise = (response, action) => Object.assign(response, { action });

/** The headers of a call with an access token. @param {Binding} client @param {string | URL} url @param {string} method @param {string} token */
export async function headers(client, url, method, token) {
  if (!client.claimsOf(token).cnf) return { Authorization: `Bearer ${token}` };
  const [key] = await keysFor(client, token);
  const proof = key?.pair && { DPoP: await proofOf(client, key, method.toUpperCase(), url, token) };
  return { Authorization: `DPoP ${token}`, ...proof };
}

/** Whether to repeat a refused call of a library without fetch. @param {Binding} client @param {Data | null | undefined} body @param {Data} sent @param {string | null} [nonce] */
export function repeat(client, body, sent, nonce) {
  if (body?.code !== "use_dpop_nonce" || !nonce) return false;
  noteNonce(client, client.claimsOf(sent.DPoP).htu, nonce);
  return true;
}

/** Delete the key after the end of its session. @param {Binding} client */
export async function drop(client) {
  const { used } = client;
  // The key of a newer login stays; a login that is not answered yet stores its key again.
  const end = (/** @type {BoundKey[]} */ keys) => keys.slice(0, Math.max(0, keys.findIndex(({ sid }) => sid && sid === used?.sid)));
  await keysOf(client, (keys) => end(keys).filter(({ sid }) => sid)).catch(() => {});
  client.used = undefined;
}

/** A new key, stored before the login: after a crash, a cookie may be bound to it. @param {Binding} client @param {string} path */
async function keyOfLogin(client, path) {
  if (path !== "login/" && client.pending) return client.pending;
  client.pending = client.unable = undefined;
  try {
    const key = await makeKey(client);
    await keysOf(client, (keys) => [key, ...keys.filter(({ sid }) => sid)].slice(0, MAX_KEYS));
    return (client.pending = key);
  } catch (cause) {
    client.unable = true;
    client.onWarning(new Error(`DPoP: no key can be stored, so the session is not bound (${cause}).`, { cause }));
    return undefined;
  }
}

/** @param {Binding} client @param {string} path @param {BoundKey} key @param {Response} response */
async function endLogin(client, path, key, response) {
  const data = await response.clone().json().catch(() => null);
  if (!data || (!response.ok && (path !== "login/" || data.code === "mfa_required"))) return;
  const session = data[client.nameOf("session")];
  const sid = session?.id ?? client.claimsOf(data[client.nameOf("access")]).sid;
  // An entry without a key: the session is not bound.
  const entry = session?.bound === "dpop" ? { ...key, sid } : { sid };
  const others = (/** @type {BoundKey[]} */ keys) => keys.filter(({ jkt }) => jkt !== key.jkt);
  // If this fails, the key is still stored, without the id.
  await keysOf(client, (keys) => [...(response.ok ? [entry] : []), ...others(keys)]).catch(() => {});
  if (response.ok) client.used = entry;
}

/** @param {Binding} client @param {RequestInit} [init] */
function refreshTokenOf(client, init) {
  try {
    return JSON.parse(`${init?.body}`)[client.nameOf("refresh")];
  } catch {
    return undefined;
  }
}

/** The keys that may be that of the session, the likeliest first. @param {Binding} client @param {string} [token] @returns {Promise<BoundKey[]>} */
async function keysFor(client, token) {
  const { cnf, sid } = client.claimsOf(token);
  if (cnf && cnf.jkt === client.used?.jkt && client.used) return [client.used];
  const keys = await readKeys(client, cnf);
  const known = keys.find((key) => (cnf ? key.jkt === cnf.jkt : sid && key.sid === sid));
  if (known) return [(client.used = known)];
  // The refresh token in a cookie is not readable.
  return cnf ? [] : sid ? keys.filter((key) => !key.sid) : keys;
}

/** @param {Binding} client @param {any} bound */
async function readKeys(client, bound) {
  if (client.unable) return [];
  try {
    return await keysOf(client);
  } catch (error) {
    // The first time, client.js tries again later; then the session is taken for one that is not bound.
    client.unable = !bound && client.failed;
    client.failed = true;
    if (client.unable) return [];
    throw error;
  }
}

/** @param {Binding} client @param {BoundKey} key @param {string} method @param {string | URL} url @param {string} [token] */
async function proofOf(client, { pair, jwk }, method, url, token) {
  const { origin, pathname } = new URL(url, client.base);
  const claims = {
    jti: crypto.randomUUID(),
    htm: method,
    htu: origin + pathname,
    iat: Math.floor((Date.now() + (client.skew ?? 0)) / 1000),
    nonce: client.nonces?.[origin],
    ath: token && (await digest(token)),
  };
  const parts = [{ typ: "dpop+jwt", alg: "ES256", jwk }, claims].map((part) => base64url(bytesOf(JSON.stringify(part)))).join(".");
  const key = /** @type {CryptoKeyPair} */ (pair).privateKey;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, bytesOf(parts));
  return `${parts}.${base64url(signature)}`;
}

/** @param {Binding} client @returns {Promise<BoundKey>} */
async function makeKey(client) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const pair = optionsOf(client).keyPair ?? (await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]));
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  if (crv !== "P-256") throw new TypeError("The key pair is not of the curve P-256");
  return { pair, jwk: { crv, kty, x, y }, jkt: await digest(JSON.stringify({ crv, kty, x, y })) };
}

/** @param {Binding} client @returns {DpopOptions} */
const optionsOf = ({ dpop }) => Object(dpop);

const bytesOf = (/** @type {string} */ text) => new TextEncoder().encode(text);

const digest = async (/** @type {string} */ text) => base64url(await crypto.subtle.digest("SHA-256", bytesOf(text)));

/** @param {ArrayBuffer | Uint8Array} data */
const base64url = (data) =>
  btoa(String.fromCharCode(...new Uint8Array(data))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

/** @param {Response} response @returns {Promise<string | undefined>} */
const codeOf = (response) => response.clone().json().then((data) => data?.code, () => undefined);

/** @param {Binding} client @param {string} url @param {Response} response */
function note(client, url, response) {
  noteNonce(client, url, response.headers.get("DPoP-Nonce"));
  return response;
}

/** @param {Binding} client @param {string} url @param {string | null} nonce */
function noteNonce(client, url, nonce) {
  if (nonce) client.nonces = { ...client.nonces, [new URL(url).origin]: nonce };
}

/** Read the keys of this client, the newest first, and replace them. @param {Binding} client @param {(keys: BoundKey[]) => BoundKey[]} [change] @returns {Promise<BoundKey[]>} */
async function keysOf(client, change) {
  const { keyPair, store } = optionsOf(client);
  if (store) {
    const keys = (await store.getItem(client.name)) ?? [];
    if (change) await store.setItem(client.name, change(keys));
    return keys;
  }
  // Without IndexedDB, as in node, a key in memory is right for tokens in memory.
  if (!keyPair && (client.storage || globalThis.indexedDB)) return inDatabase(client.name, change);
  const keys = client.memory ?? (keyPair ? [await makeKey(client)] : []);
  if (change) client.memory = change(keys);
  return keys;
}

/** @param {string} name @param {(keys: BoundKey[]) => BoundKey[]} [change] @returns {Promise<BoundKey[]>} */
function inDatabase(name, change) {
  /** @type {any} */
  let timer;
  /** @type {Promise<BoundKey[]>} */
  const done = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error("IndexedDB does not answer")), PATIENCE);
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const work = opening.result.transaction("keys", change ? "readwrite" : "readonly", { durability: "strict" });
      const store = work.objectStore("keys");
      const reading = store.get(name);
      if (change) reading.onsuccess = () => void store.put(change(reading.result ?? []), name);
      work.oncomplete = () => resolve(reading.result ?? []);
      work.onabort = () => reject(work.error);
      opening.result.close();
    };
  });
  return done.finally(() => clearTimeout(timer));
}
