/* Between the client of a tab and the network: reports requests to the page, and loses answers. */

export const options = new URLSearchParams(location.search);

const LOSE = "demo:lose-next-answer";
const READ_WITHIN = 5000;

/** Send a message to the page around the tabs. */
export const report = (message) => parent.postMessage(message, location.origin);

/** Lose the next answer of a refresh, in any tab. */
export const loseNextAnswer = () => localStorage.setItem(LOSE, Date.now());

function isLost() {
  const asked = localStorage.getItem(LOSE);
  if (!asked) return false;
  localStorage.removeItem(LOSE);
  return Date.now() - asked < READ_WITHIN;
}

/** What an answer contains, without tokens. */
export function describe(status, body) {
  if (status === 204) return "no content";
  const { code, reason } = body ?? {};
  if (code) return reason ? `${code}, ${reason}` : code;
  const given = ["access", "refresh"].filter((name) => body?.[name]);
  return given.length ? `${given.join(" and ")} token` : "";
}

/** As fetch. The server has handled the request before its answer is lost. */
export async function fetchInDemo(input, init) {
  const response = await fetch(input, init);
  const path = new URL(input.url ?? input, location.href).pathname;
  if (!path.startsWith("/auth/")) return response;
  const body = await response.clone().json().catch(() => null);
  const lost = path.endsWith("/refresh/") && isLost();
  report({ request: { path, status: response.status, answer: describe(response.status, body), lost } });
  if (lost) throw new TypeError("The answer was lost.");
  return response;
}

/** Run commands of the page, and report their end. */
export function listen(commands) {
  addEventListener("message", async ({ data, source, origin }) => {
    if (source !== parent || origin !== location.origin || !commands[data.command]) return;
    await commands[data.command](data).catch(() => {});
    report({ done: data.number });
  });
  report({ ready: true });
}
