/** A browser in virtual time: clock, storage, locks, channel. A seed makes every run repeatable. */

const real = {
  setImmediate,
  setTimeout,
  clearTimeout,
  random: Math.random,
  dateNow: Date.now,
  performanceNow: performance.now.bind(performance),
  timeout: AbortSignal.timeout,
  BroadcastChannel: globalThis.BroadcastChannel,
};

/** @param {number} seed @returns {() => number} mulberry32 */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const START = Date.UTC(2026, 0, 1);

/** Replaces the timers and clocks of this process until `uninstall`. */
export class Clock {
  now = START;
  skew = 0; // Of the device, in ms.
  timers = [];
  busy = 0; // Calls that take real time.
  #number = 0;

  constructor(seed = 1) {
    this.random = randomOf(seed);
  }

  install() {
    globalThis.setTimeout = (run, ms = 0) => {
      const timer = { at: this.now + Math.max(0, ms), number: this.#number++, run };
      this.timers.push(timer);
      return timer;
    };
    globalThis.clearTimeout = (timer) => void (this.timers = this.timers.filter((t) => t !== timer));
    Date.now = () => this.now + this.skew;
    performance.now = () => this.now - START + 5000;
    Math.random = this.random;
    AbortSignal.timeout = (ms) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new DOMException("too late", "TimeoutError")), ms);
      return controller.signal;
    };
    globalThis.BroadcastChannel = channels(this);
    return this;
  }

  uninstall() {
    globalThis.setTimeout = real.setTimeout;
    globalThis.clearTimeout = real.clearTimeout;
    Date.now = real.dateNow;
    performance.now = real.performanceNow;
    Math.random = real.random;
    AbortSignal.timeout = real.timeout;
    globalThis.BroadcastChannel = real.BroadcastChannel;
  }

  sleep = (ms) => new Promise((done) => setTimeout(done, ms));

  /** Advance the clock from timer to timer until the promise is settled. */
  async run(promise) {
    let settled = false;
    const end = () => void (settled = true);
    promise.then(end, end);
    for (;;) {
      do await new Promise((done) => real.setImmediate(done));
      while (this.busy && !settled);
      if (settled) return promise;
      this.timers.sort((a, b) => a.at - b.at || a.number - b.number);
      const timer = this.timers.shift();
      if (!timer) throw new Error("Everything waits, and nothing is left to wait for.");
      this.now = Math.max(this.now, timer.at);
      timer.run();
    }
  }

  /** Let the time pass. */
  pass = (ms) => this.run(this.sleep(ms));
}

/** BroadcastChannel with late messages. */
function channels(clock) {
  const open = new Map();
  return class {
    constructor(name) {
      this.name = name;
      open.set(name, [...(open.get(name) ?? []), this]);
    }

    postMessage(data) {
      for (const other of open.get(this.name)) {
        if (other !== this) setTimeout(() => !other.closed && other.onmessage?.({ data }), clock.random() * 20);
      }
    }

    close() {
      this.closed = true;
    }
  };
}

/** localStorage of one origin; `fail` names the methods that throw. */
export class FakeStorage {
  values = new Map();
  fail = new Set();
  writes = [];

  #do(method, run) {
    if (this.fail.has(method)) throw new DOMException("refused", "QuotaExceededError");
    return run();
  }

  getItem = (key) => this.#do("getItem", () => this.values.get(key) ?? null);
  setItem = (key, value) =>
    this.#do("setItem", () => {
      this.writes.push(value);
      this.values.set(key, String(value));
    });
  removeItem = (key) => this.#do("removeItem", () => void this.values.delete(key));
  get tokens() {
    const entries = [...this.values].filter(([key]) => !key.endsWith(":lost"));
    return entries.length ? JSON.parse(entries[0][1]) : null;
  }
}

/** localStorage as the process of one tab sees it: writes of other tabs arrive up to `lag` ms later. */
export class LateStorage {
  #seen = new Map();
  #own = new Map(); // Number of the newest write of each key that this tab knows.

  constructor(shared, clock, lag) {
    this.shared = shared;
    shared.views = [...(shared.views ?? []), this];
    this.#seen = new Map(shared.values);
    this.later = (run) => setTimeout(run, clock.random() * lag);
  }

  #write(key, value, apply) {
    apply();
    const number = (this.shared.number = (this.shared.number ?? 0) + 1);
    this.#see(number, key, value);
    for (const view of this.shared.views) if (view !== this) this.later(() => view.#see(number, key, value));
  }

  #see(number, key, value) {
    if (number < this.#own.get(key)) return;
    this.#own.set(key, number);
    if (value === null) this.#seen.delete(key);
    else this.#seen.set(key, value);
  }

  getItem = (key) => this.#seen.get(key) ?? null;
  setItem = (key, value) => this.#write(key, value, () => this.shared.setItem(key, value));
  removeItem = (key) => this.#write(key, null, () => this.shared.removeItem(key));
}

/** navigator.locks: one holder, the others in order. */
export class FakeLocks {
  queue = [];
  held = false;

  request(_name, { signal }, run) {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, run };
      signal?.addEventListener("abort", () => {
        if (!this.queue.includes(waiter)) return;
        this.queue = this.queue.filter((other) => other !== waiter);
        reject(signal.reason);
      });
      this.queue.push(waiter);
      this.#next();
    });
  }

  #next() {
    if (this.held || !this.queue.length) return;
    this.held = true;
    const { resolve, reject, run } = this.queue.shift();
    Promise.resolve()
      .then(run)
      .then(resolve, reject)
      .finally(() => {
        this.held = false;
        this.#next();
      });
  }
}
