/* One tab of Ada's browser: everything that an application does with the client. */

import { createClient } from "../refresh_sessions/client.js";
import { fetchInDemo, listen, options } from "./network.js";
import { showAnswer, showError, showLoggedOut } from "./tab-view.js";

const client = createClient({
  baseUrl: "/auth/",
  // A login makes a key in this browser; its refresh token is useless without it.
  dpop: options.has("tied"),
  // For the buttons of this page; an application has neither.
  fetch: fetchInDemo,
  locks: options.has("without-locks") ? null : navigator.locks,
});

// The client adds the access token to each call, and refreshes it in time.
async function call() {
  try {
    if (!(await client.loggedIn())) return showLoggedOut();
    const response = await client.fetch("/api/me/");
    showAnswer(response.status, await response.json());
  } catch (error) {
    if (error.action === "login") showLoggedOut();
    else showError(error); // The tokens are kept: the next call tries again.
  }
}

async function refresh() {
  // call() shows the error of a refresh that has failed.
  await client.refresh().catch(() => {});
  await call();
}

async function logout() {
  await client.logout();
}

async function login({ username, password }) {
  await client.login(username, password, { deviceName: "Ada's browser" });
}

// Login, refresh and logout, in this tab or in another one.
client.onChange(({ type }) => (type === "logout" ? showLoggedOut() : call()));

setInterval(call, 3000);
listen({ call, refresh, login, logout });
call();
