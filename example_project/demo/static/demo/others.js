/* The other clients: the attacker, Ada's phone, and staff. */

import { createClient } from "../refresh_sessions/client.js";
import { describe } from "./network.js";
import { add } from "./timeline.js";
import { readTokens } from "./tokens.js";

const RETRY = 3000;

/** As fetch, without cookies, from the address of another client. */
function fetchAs(name) {
  return (input, init) => {
    const request = new Request(input, { ...init, credentials: "omit" });
    request.headers.set("X-Demo-Client", name);
    return fetch(request);
  };
}

/** A client with a copy of the refresh token. */
export class Attacker {
  #fetch = fetchAs("attacker");
  #timer;
  refresh = "";
  access = "";
  status = "Has no token.";
  /** Of the last refresh: "yes", "no", or "later" while the attacker tries again. */
  outcome = "no";

  steal() {
    this.refresh = readTokens().refresh ?? "";
    this.stop(this.refresh ? "Has a copy of the refresh token, and has not used it." : "Finds no token.");
    this.access = "";
  }

  /** Refresh, then call the API every three seconds, as a script of an attacker does. */
  async use() {
    clearTimeout(this.#timer);
    const { status, body } = await this.#post("/auth/refresh/", { refresh: this.refresh });
    add({ kind: "attacker", who: "Attacker", text: `refresh/ → ${status} ${describe(status, body)}` });
    this.access = body.access ?? "";
    this.refresh = body.refresh ?? this.refresh;
    const isFinal = status === 401 || status === 403;
    this.outcome = this.access ? "yes" : isFinal ? "no" : "later";
    if (this.access) await this.#call();
    else if (isFinal) this.stop(`Refused: ${status} ${body.code}.`);
    else this.#later(`Refused for now: ${status} ${body.code}.`, () => this.use());
  }

  stop(status) {
    clearTimeout(this.#timer);
    this.status = status;
  }

  async #call() {
    const headers = { Authorization: `Bearer ${this.access}` };
    const response = await this.#fetch("/api/me/", { headers });
    const body = await response.json();
    if (response.ok) return this.#later(`Reads Ada's data: 200 ${body.username}.`, () => this.#call());
    this.access = "";
    this.#later(`Access token refused: ${response.status} ${body.code}.`, () => this.use());
  }

  async #post(path, data) {
    const headers = { "Content-Type": "application/json" };
    const response = await this.#fetch(path, { method: "POST", headers, body: JSON.stringify(data) });
    return { status: response.status, body: await response.json().catch(() => ({})) };
  }

  #later(status, run) {
    this.status = status;
    this.#timer = setTimeout(() => run().catch(() => {}), RETRY);
  }
}

/** Log in on Ada's phone, and revoke the session of her browser from there. */
export async function logOutFromPhone({ username, password, session }) {
  const phone = createClient({ baseUrl: "/auth/", storage: null, name: "phone", fetch: fetchAs("phone") });
  await phone.login(username, password, { deviceName: "Ada's phone" });
  await phone.sessions.revoke(session);
  add({ kind: "request", who: "Phone", text: "DELETE sessions/{id}/ → 204" });
  phone.close();
}

/** The token of Django's protection against cross-site requests; each login changes it. */
export const csrfToken = () => /\bcsrftoken=(\w+)/.exec(document.cookie)?.[1] ?? "";

/** Revoke the session as staff. */
export async function revokeAsStaff({ session }) {
  const body = new URLSearchParams({ session });
  const headers = { "X-CSRFToken": csrfToken() };
  const response = await fetch("/staff/revoke/", { method: "POST", headers, body });
  add({ kind: "request", who: "Staff", text: `revoke → ${response.status}` });
}
