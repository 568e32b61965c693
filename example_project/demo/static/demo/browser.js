/* Ada's browser: three tabs in frames, which the page commands and which report to it. */

import { add } from "./timeline.js";

const PATIENCE = 12000;

const frames = [...document.querySelectorAll("iframe")];
const waiting = new Map();
let number = 0;

/** Requests of the tabs, for the summary of an action. */
export const requests = [];

const nameOf = (source) => `Tab ${frames.findIndex((frame) => frame.contentWindow === source) + 1}`;

addEventListener("message", ({ data, source, origin }) => {
  if (origin !== location.origin || !frames.some((frame) => frame.contentWindow === source)) return;
  if (data.request) note(nameOf(source), data.request);
  if (data.ready) settle(source);
  if (data.done) settle(data.done);
});

function note(who, request) {
  requests.push(request);
  const endpoint = request.path.replace("/auth/", "");
  const lost = request.lost ? ", and the answer is lost" : "";
  add({ kind: "request", who, text: `${endpoint} → ${request.status} ${request.answer}${lost}` });
}

function settle(key) {
  waiting.get(key)?.();
  waiting.delete(key);
}

/** Resolves when a tab reports the key, or after the longest time that a client tries. */
const reported = (key) =>
  new Promise((done) => {
    waiting.set(key, done);
    setTimeout(done, PATIENCE);
  });

/** Run a command in one tab, the first by default. */
export function command(name, values = {}, frame = frames[0]) {
  const message = { ...values, command: name, number: ++number };
  const done = reported(message.number);
  frame.contentWindow.postMessage(message, location.origin);
  return done;
}

export const commandAll = (name) => Promise.all(frames.map((frame) => command(name, {}, frame)));

/** Load the tabs anew, with a query for their options. */
export function load(search) {
  return Promise.all(
    frames.map((frame) => {
      const ready = reported(frame.contentWindow);
      frame.src = `/tab/${search}`;
      return ready;
    }),
  );
}

/** End all tabs at once, without time for them to do anything. */
export function crash() {
  for (const frame of frames) frame.src = "about:blank";
  return new Promise((done) => setTimeout(done, 700));
}
