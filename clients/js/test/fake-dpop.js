/** The server and the browser of the tests, with DPoP (RFC 9449): proofs are verified, keys are in IndexedDB. */

import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";

import { FakeServer } from "./fake-server.js";

const decode = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
const sha256 = (text) => createHash("sha256").update(text).digest("base64url");
const error = (status, code, headers) => ({ status, headers, body: { detail: `Detail of ${code}.`, code } });

/** The claims and the thumbprint of a proof; throws if the text is no proof. */
export function readProof(proof) {
  const [head, body, signature] = proof.split(".");
  const { typ, alg, jwk, ...rest } = decode(head);
  assert.deepEqual([typ, alg, rest], ["dpop+jwt", "ES256", {}]);
  assert.deepEqual(Object.keys(jwk).sort(), ["crv", "kty", "x", "y"], "a public key and nothing else");
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const signed = verify("sha256", Buffer.from(`${head}.${body}`), { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url"));
  assert.ok(signed, "signature");
  const { crv, kty, x, y } = jwk;
  return { ...decode(body), jkt: sha256(JSON.stringify({ crv, kty, x, y })) };
}

const PROVEN = ["/auth/refresh/", "/auth/logout/", "/auth/reauthenticate/", "/auth/sessions/branch/"];

export class DpopServer extends FakeServer {
  binds = true;
  bindsAccess = false; // DPOP_ACCESS_TOKENS.
  asksNonce = false; // Of each origin; a nonce lives for five minutes.
  requires = false; // A bound session.
  used = new Set(); // jti.
  proofs = []; // [path, claims] of each accepted proof.
  misuses = 0; // A token of a bound session with another key or without one.

  nonceOf = (origin) => `${origin}#${Math.floor(this.clock.now / 300_000)}`;

  answer(method, path, request) {
    const [scheme, token] = request.authorization?.split(" ") ?? [];
    const presented = this.transport === "cookie" ? request.cookie : request.body?.refresh;
    const isLogin = path.startsWith("/auth/login/");
    const session = this.sessions.get(sidOf(token ?? presented));
    const isBoundToken = token !== undefined && Boolean(claimsOf(token).cnf);
    if (token && isBoundToken !== (scheme === "DPoP")) return error(401, "token_not_valid");
    let jkt = null;
    if ((isLogin && this.binds && request.dpop !== null) || (session?.jkt && !session.ended && (isBoundToken || PROVEN.includes(path)))) {
      const { origin } = new URL(request.url);
      const headers = this.asksNonce ? { "DPoP-Nonce": this.nonceOf(origin) } : {};
      const [code, claims] = this.judgeProof(request, method, token, origin);
      if (code) {
        if (!isLogin && claims?.jkt !== session.jkt) this.misuses++;
        return error(401, code, headers);
      }
      ({ jkt } = claims);
      if (!isLogin && jkt !== session.jkt) {
        this.misuses++;
        return error(401, "invalid_dpop_proof", headers);
      }
      this.proofs.push([path, claims]);
    }
    this.binding = jkt;
    if (isLogin && this.requires && !jkt) return error(403, "binding_required");
    const authorization = token && `Bearer ${token}`;
    return super.answer(method, path, { ...request, authorization });
  }

  /** @returns {[string] | [null, any]} */
  judgeProof({ dpop, url }, method, token, origin) {
    if (dpop === null) return ["invalid_dpop_proof"];
    const claims = readProof(dpop);
    const { jti, htm, htu, iat, nonce, ath } = claims;
    const { pathname } = new URL(url);
    assert.deepEqual([htm, htu, ath], [method, origin + pathname, token && sha256(token)]);
    if (this.asksNonce && nonce !== this.nonceOf(origin)) return ["use_dpop_nonce", claims];
    if (Math.abs(iat * 1000 - this.clock.now) > 60_000) return ["invalid_dpop_proof", claims];
    assert.ok(jti.length >= 16 && !this.used.has(jti), "a new jti for each request");
    this.used.add(jti);
    return [null, claims];
  }

  open(cookie) {
    const { body, ...answer } = super.open(cookie);
    const session = this.sessions.get(body.session.id);
    session.jkt = this.binding;
    const bound = this.binds ? { bound: session.jkt && "dpop" } : {};
    return { ...answer, body: { ...this.bindAccess(session, body), session: { ...body.session, ...bound } } };
  }

  tokens(session, options) {
    const answer = super.tokens(session, options);
    return { ...answer, body: this.bindAccess(session, answer.body) };
  }

  bindAccess(session, body) {
    if (!session.jkt || !this.bindsAccess || claimsOf(body.access).cnf) return body;
    const claims = { ...claimsOf(body.access), cnf: { jkt: session.jkt } };
    return { ...body, access: `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`, token_type: "DPoP" };
  }
}

const claimsOf = (token) => {
  try {
    return decode(token.split(".")[1]);
  } catch {
    return {};
  }
};
const sidOf = (token) => claimsOf(token).sid;

/** indexedDB of one origin. `mode`: "works", or how it fails. */
export class FakeDatabase {
  values = new Map();
  mode = "works";
  opened = 0;

  /** @returns {any[]} The keys of the only client. */
  get keys() {
    return [...this.values.values()].flat();
  }

  open(name, version) {
    assert.deepEqual([name, version], ["refresh_sessions:keys", 1]);
    this.opened++;
    if (this.mode === "throws") throw new DOMException("refused", "SecurityError");
    const request = { error: new DOMException("refused", "InvalidStateError"), result: this };
    queueMicrotask(() => {
      if (this.mode === "hangs") return;
      if (this.mode === "fails") return request.onerror();
      if (!this.created) request.onupgradeneeded();
      request.onsuccess();
    });
    return request;
  }

  createObjectStore(name) {
    this.created = name;
  }

  close() {}

  transaction(name, access) {
    assert.equal(name, this.created);
    const work = { error: new DOMException("full", "QuotaExceededError") };
    const request = {};
    work.objectStore = () => ({
      get: (key) => {
        queueMicrotask(() => {
          const saved = this.values.get(key);
          request.result = saved && [...saved];
          request.onsuccess?.();
          if (access === "readwrite" && this.mode === "full") work.onabort();
          else work.oncomplete();
        });
        return request;
      },
      put: (value, key) => {
        assert.equal(access, "readwrite");
        if (this.mode !== "full") this.values.set(key, value);
      },
    });
    return work;
  }
}

/** Until `restore()`, the virtual clock waits for WebCrypto, which has threads of its own. */
export function followCrypto(clock) {
  const { prototype } = crypto.subtle.constructor;
  const real = {};
  for (const name of ["sign", "digest", "generateKey", "exportKey"]) {
    real[name] = prototype[name];
    prototype[name] = function follow(...given) {
      clock.busy++;
      return real[name].apply(this, given).finally(() => clock.busy--);
    };
  }
  return () => Object.assign(prototype, real);
}
