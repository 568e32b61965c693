/* What the page shows: who is logged in, the shared storage, and the summary of an action. */

import { csrfToken } from "./others.js";
import { bothOut, reasons, takenOver, withKey } from "./reasons.js";
import { claimsOf, numberOf, readTokens, secondsLeft, shorten, storageKey } from "./tokens.js";

const { mode } = document.body.dataset;
const byId = (id) => document.getElementById(id);
const set = (id, text) => {
  if (byId(id).textContent !== text) byId(id).textContent = text;
};

export const isLoggedIn = () => Boolean(readTokens().refresh);

/** The session of Ada's browser, also after its end. */
let session = "";

/** What to say about a detected attacker. */
let alarm = "";

export const modeLinks = document.querySelectorAll("a[data-mode]");

function showState(attackerHasAccess) {
  const { access, refresh } = readTokens();
  session = claimsOf(access).sid ?? session;
  document.body.dataset.state = refresh ? "in" : "out";
  const too = attackerHasAccess ? ", and the attacker has access" : "";
  set("verdict", `Ada is logged ${refresh ? "in" : "out"}${too}`);
  set("key", storageKey);
  set("access", access ? `${shorten(access)}${numberOf(access)}, ${secondsLeft(access)} s left` : "–");
  set("refresh", refresh ? `${shorten(refresh)}${numberOf(refresh)}` : "–");
  byId("login").hidden = Boolean(refresh);
}

export function showAttacker(attacker) {
  const { refresh, access, status } = attacker;
  document.body.dataset.attacker = access ? "in" : "out";
  set("attacker-status", status);
  set("attacker-refresh", refresh ? `${shorten(refresh)}${numberOf(refresh)}` : "–");
  set("attacker-access", access ? `${shorten(access)}, ${secondsLeft(access)} s left` : "–");
  showState(Boolean(access));
}

/** Say that the attacker was detected. */
export function showEvent({ kind, session: revoked, address, other_address: other }) {
  if (kind !== "reuse_detected" || revoked !== session) return;
  byId("alarm").dataset.detected = "";
  // A client that accused itself is described by its action.
  if (address === other) return;
  alarm = `Reuse is detected: ${address} and ${other} used the same token. ${bothOut}`;
  set("summary", alarm);
}

/** Show that an action runs, or that it failed. */
export function show({ running, error }) {
  set("summary", error ?? "…");
  document.body.toggleAttribute("data-running", Boolean(running));
}

const count = (number) => `${number} request${number === 1 ? "" : "s"} to refresh/`;

function explain(name, { attacker, isTied }) {
  if (alarm) return alarm;
  if (isTied && withKey[name]) return withKey[name];
  if (mode === "simplejwt" && attacker.access && !isLoggedIn()) return takenOver;
  const reason = reasons[name]?.[mode];
  const outcome = name === "attack" ? attacker.outcome : isLoggedIn() ? "yes" : "no";
  return typeof reason === "string" ? reason : (reason?.[outcome] ?? "");
}

/** Say what an action did, and let the switch repeat it in the other modes. */
export function summarize(name, { requests, ...outcome }) {
  document.body.removeAttribute("data-running");
  if (name === "login" || name === "tie") alarm = "";
  const answers = requests.filter(({ path }) => path.endsWith("/refresh/"));
  const statuses = answers.map(({ status, lost }) => (lost ? `${status}, lost` : status));
  const facts = answers.length ? `${count(answers.length)}: ${statuses.join("; ")}. ` : "";
  set("summary", `${facts}${explain(name, outcome)}`);
  if (name === "login" || name === "locks" || name === "tie") return;
  for (const link of modeLinks) link.hash = name;
  byId("again").hidden = false;
}

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    form.elements.csrfmiddlewaretoken.value = csrfToken();
    form.elements.session.value = session;
  });
}
