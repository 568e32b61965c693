/* What one tab shows: the countdown of its access token, and its last answer. */

import { report } from "./network.js";
import { readTokens, secondsLeft } from "./tokens.js";

const countdown = document.getElementById("countdown");
const bar = document.getElementById("bar");
const status = document.getElementById("status");
const answer = document.getElementById("answer");

function show(tone, title, text) {
  document.body.dataset.tone = tone;
  status.textContent = title;
  answer.textContent = text;
  report({ shown: tone });
}

export function showAnswer(code, body) {
  if (code === 200) show("good", "200 OK", body.username);
  else show("bad", `${code}`, body.code ?? body.detail);
}

export function showError(error) {
  show("waiting", "No answer", error.code);
}

export function showLoggedOut() {
  show("bad", "Logged out", "no tokens");
}

function tick() {
  const { access } = readTokens();
  const seconds = secondsLeft(access);
  countdown.textContent = access ? `${seconds} s` : "–";
  bar.value = access ? seconds : 0;
}

setInterval(tick, 250);
tick();
