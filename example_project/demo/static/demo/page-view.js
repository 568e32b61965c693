/* What the page shows: who is logged in, the shared storage, and the summary of an action. */

import { bothOut, reasons } from "./reasons.js";
import { claimsOf, numberOf, readTokens, secondsLeft, shorten, storageKey } from "./tokens.js";

const { mode } = document.body.dataset;
const byId = (id) => document.getElementById(id);
const set = (id, text) => {
  if (byId(id).textContent !== text) byId(id).textContent = text;
};

const isLoggedIn = () => Boolean(readTokens().refresh);

/** The session of Ada's browser, also after its end. */
let session = "";

function showState(attackerHasAccess) {
  const { access, refresh } = readTokens();
  session = claimsOf(access).sid ?? session;
  document.body.dataset.state = refresh ? "in" : "out";
  const too = attackerHasAccess ? ", and the attacker has access" : "";
  set("verdict", `Ada is logged ${refresh ? "in" : "out"}${too}`);
  set("key", storageKey);
  set("access", access ? `${shorten(access)} ${numberOf(access)}, ${secondsLeft(access)} s left` : "–");
  set("refresh", refresh ? `${shorten(refresh)} ${numberOf(refresh)}` : "–");
  byId("login").hidden = Boolean(refresh);
}

export function showAttacker(attacker) {
  const { refresh, access, status } = attacker;
  document.body.dataset.attacker = access ? "in" : "out";
  set("attacker-status", status);
  set("attacker-refresh", refresh ? `${shorten(refresh)} ${numberOf(refresh)}` : "–");
  set("attacker-access", access ? `${shorten(access)}, ${secondsLeft(access)} s left` : "–");
  showState(Boolean(access));
}

/** Say that the attacker was detected. */
export function showEvent({ kind, session: revoked, address, other_address: other }) {
  if (kind !== "reuse_detected" || revoked !== session) return;
  set("summary", `Reuse is detected: ${address} and ${other} used the same token. ${bothOut}`);
  byId("alarm").dataset.detected = "";
}

/** Show that an action runs, or that it failed. */
export function show({ running, error }) {
  set("summary", error ? `${error.message}` : "…");
  document.body.toggleAttribute("data-running", Boolean(running));
}

const count = (number) => `${number} request${number === 1 ? "" : "s"} to refresh/`;

/** Say what an action did, and let the switch repeat it in the other modes. */
export function summarize(name, { requests, attacker }) {
  document.body.removeAttribute("data-running");
  const answers = requests.filter(({ path }) => path.endsWith("/refresh/"));
  const statuses = answers.map(({ status, lost }) => (lost ? `${status}, lost` : status));
  const facts = answers.length ? `${count(answers.length)}: ${statuses.join("; ")}. ` : "";
  const reason = reasons[name]?.[mode];
  const outcome = name === "attack" ? attacker.outcome : isLoggedIn() ? "yes" : "no";
  const text = typeof reason === "string" ? reason : reason?.[outcome];
  set("summary", `${facts}${text ?? ""}`);
  if (name === "login") return;
  for (const link of document.querySelectorAll("a[data-mode]")) {
    link.hash = name;
  }
  byId("again").hidden = false;
}

for (const form of document.querySelectorAll("form[data-session]")) {
  form.addEventListener("submit", () => {
    form.elements.session.value = session;
  });
}
