/* The timeline: events of the sessions from the server, and the requests of this page. */

const SHOWN = 40;
const POLL = 1500;

const list = document.getElementById("timeline");
const problem = document.getElementById("problem");
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const began = Date.now() - 1000;
const seen = new Set();
const listeners = new Set();

/** Call a function with each new event. */
export const onEvent = (listener) => listeners.add(listener);

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Add an entry; the list has the newest first. */
export function add({ at = Date.now(), kind, who, text }) {
  const item = element("li", `entry ${kind}`, "");
  item.dataset.at = at;
  item.append(
    element("time", "", time.format(at)),
    element("span", "who", who),
    element("span", "what", text),
  );
  const older = [...list.children].find((other) => other.dataset.at <= at);
  list.insertBefore(item, older ?? null);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
}

/** Events with two clients: one presented a token, the other one holds the newest. */
const alarms = { reuse_detected: "alarm", bound_token_misused: "alarm" };

function describe({ kind, label, reason, device, address, other_address: other, actor }) {
  if (kind in alarms) return `${label}, from ${address}; the other client: ${other}`;
  const by = actor && kind === "revoked" ? ` by ${actor}` : "";
  return `${label}${by}: ${device}${reason && kind === "revoked" ? ` (${reason})` : ""}`;
}

const kinds = { ...alarms, revoked: "ended", signed_out: "ended" };

/** Read new events, now and from time to time. */
export async function poll() {
  try {
    const response = await fetch("/timeline/");
    const { events } = await response.json();
    for (const event of events) {
      const at = Date.parse(event.at);
      if (seen.has(event.id) || at < began) continue;
      seen.add(event.id);
      add({ at, kind: `event ${kinds[event.kind] ?? ""}`, who: "Event", text: describe(event) });
      for (const listener of listeners) listener(event);
    }
    problem.hidden = true;
  } catch {
    problem.hidden = false;
  }
}

setInterval(poll, POLL);
poll();
