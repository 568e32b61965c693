/* The buttons of the page, and the summary of what they did. */

import { command, commandAll, crash, load, requests } from "./browser.js";
import { loseNextAnswer, options } from "./network.js";
import { Attacker, logOutFromPhone, revokeAsStaff } from "./others.js";
import { onEvent, poll } from "./timeline.js";
import { claimsOf, readEntry, readTokens, writeEntry } from "./tokens.js";
import { isLoggedIn, modeLinks, show, showAttacker, showEvent, summarize } from "./page-view.js";

const { username, password } = document.body.dataset;
const buttons = [...document.querySelectorAll("button[data-action]")];
const switches = [...document.querySelectorAll("button[data-option]")];
const attacker = new Attacker();

const session = () => claimsOf(readTokens().access).sid;
/** The options of the tabs, as a query: "?tied&without-locks". */
function search() {
  const pressed = switches.filter(({ ariaPressed }) => ariaPressed === "true");
  return pressed.length ? `?${pressed.map(({ dataset }) => dataset.option).join("&")}` : "";
}

const loadTabs = () => load(search());

function setOption(option, isPressed) {
  const button = switches.find(({ dataset }) => dataset.option === option);
  button.ariaPressed = isPressed && !button.disabled ? "true" : "false";
  for (const link of modeLinks) link.search = search();
}

function toggle(option) {
  const button = switches.find(({ dataset }) => dataset.option === option);
  setOption(option, button.ariaPressed !== "true");
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
    toggle("without-locks");
    return loadTabs();
  },

  // Only a login ties a session to the key of a browser.
  async tie() {
    if (isLoggedIn()) await command("logout");
    toggle("tied");
    await loadTabs();
    await command("login", { username, password });
  },

  // Tokens of an earlier visit are kept if the server accepts them.
  async login() {
    await command("call");
    if (!isLoggedIn()) await command("login", { username, password });
  },
};

const withoutTokens = new Set(["attack", "locks", "login", "tie"]);

async function run(name) {
  if (!isLoggedIn() && !withoutTokens.has(name)) return show({ error: "Ada is logged out. Log in first." });
  const focused = document.activeElement;
  for (const button of buttons) button.setAttribute("aria-disabled", "true");
  show({ running: name });
  requests.length = 0;
  try {
    await actions[name]();
    await poll();
    summarize(name, { requests: [...requests], attacker, isTied: search().includes("tied") });
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

for (const { dataset } of switches) setOption(dataset.option, options.has(dataset.option));
await loadTabs();
await run("login");
// A switch of the mode repeats the last action.
const wanted = location.hash.slice(1);
if (document.querySelector(`[data-action="${CSS.escape(wanted)}"]:enabled`)) await run(wanted);
