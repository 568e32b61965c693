/* The buttons of the page, and the summary of what they did. */

import { command, commandAll, crash, load, requests } from "./browser.js";
import { loseNextAnswer, options } from "./network.js";
import { Attacker, logOutFromPhone, revokeAsStaff } from "./others.js";
import { onEvent, poll } from "./timeline.js";
import { claimsOf, readEntry, readTokens, writeEntry } from "./tokens.js";
import { isLoggedIn, modeLinks, show, showAttacker, showEvent, summarize } from "./page-view.js";

const { username, password } = document.body.dataset;
const buttons = [...document.querySelectorAll("button[data-action]")];
const withoutLocks = document.getElementById("without-locks");
const attacker = new Attacker();

const session = () => claimsOf(readTokens().access).sid;
const loadTabs = () => load({ withoutLocks: withoutLocks.ariaPressed === "true" });

function setLocks(areUsed) {
  withoutLocks.ariaPressed = areUsed ? "false" : "true";
  for (const link of modeLinks) link.search = areUsed ? "" : "without-locks";
}

/** Within the overlap of an earlier refresh, the answer contains an access token only. */
async function refreshUntilRotated() {
  const { refresh } = readTokens();
  for (let tries = 0; tries < 8 && readTokens().refresh === refresh; tries++) await command("refresh");
}

const actions = {
  refresh: () => commandAll("refresh"),

  lose() {
    loseNextAnswer();
    return command("refresh");
  },

  // The browser writes its storage to disk late, so the newest token is lost.
  async crash() {
    const onDisk = readEntry();
    await refreshUntilRotated();
    await crash();
    requests.length = 0;
    writeEntry(onDisk);
    await loadTabs();
    await command("refresh");
  },

  async steal() {
    attacker.steal();
  },

  async attack() {
    if (!attacker.refresh) attacker.steal();
    if (attacker.refresh) await attacker.use();
  },

  async phone() {
    await logOutFromPhone({ username, password, session: session() });
    await commandAll("call");
  },

  async staff() {
    await revokeAsStaff({ session: session() ?? "" });
    await commandAll("call");
  },

  locks() {
    setLocks(withoutLocks.ariaPressed === "true");
    return loadTabs();
  },

  // Tokens of an earlier visit are kept if the server accepts them.
  async login() {
    await command("call");
    if (!isLoggedIn()) await command("login", { username, password });
  },
};

const withoutTokens = new Set(["attack", "locks", "login"]);

async function run(name) {
  if (!isLoggedIn() && !withoutTokens.has(name)) return show({ error: "Ada is logged out. Log in first." });
  const focused = document.activeElement;
  for (const button of buttons) button.setAttribute("aria-disabled", "true");
  show({ running: name });
  requests.length = 0;
  try {
    await actions[name]();
    await poll();
    summarize(name, { requests: [...requests], attacker });
  } catch (error) {
    show({ error: error.message });
  } finally {
    for (const button of buttons) button.removeAttribute("aria-disabled");
    // The button of the login is hidden after it.
    if (focused?.id === "login" && isLoggedIn()) buttons[0].focus();
  }
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    if (!button.hasAttribute("aria-disabled") && !button.disabled) run(button.dataset.action);
  });
}

onEvent(showEvent);
setInterval(() => showAttacker(attacker), 250);

setLocks(!options.has("without-locks"));
await loadTabs();
await run("login");
// A switch of the mode repeats the last action.
const wanted = location.hash.slice(1);
if (document.querySelector(`[data-action="${CSS.escape(wanted)}"]:enabled`)) await run(wanted);
