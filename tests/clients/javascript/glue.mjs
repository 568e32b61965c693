// Application code around a client: storage of the tokens, handling of answers of refresh/, and
// failures that log the user out.

/** Storage that the tabs of one browser share: strings by name, like localStorage. */
export class Storage {
  #items = new Map();
  signedOut = false;

  getItem(name) {
    return this.#items.get(name) ?? null;
  }
  setItem(name, value) {
    this.#items.set(name, String(value));
  }
  removeItem(name) {
    this.#items.delete(name);
  }
}

// A failure without a status: the request or its answer was lost.
const styles = {
  // The rules of docs/rotation.md.
  docs: {
    keepsStored: true,
    refresh: (answer) => answer.refresh,
    givesUp: (status) => status === 401 || status === 403,
  },
  typical: {
    refresh: (answer, sent) => answer.refresh ?? sent,
    givesUp: (status) => status === 401,
  },
  naive: {
    refresh: (answer) => answer.refresh,
    givesUp: () => true,
  },
};

export class Glue {
  constructor(style, storage) {
    this.style = styles[style];
    this.storage = storage;
  }

  get access() {
    return this.storage.getItem("access");
  }

  get authorization() {
    return `Bearer ${this.access}`;
  }

  save({ access, refresh }) {
    this.storage.setItem("access", access);
    if (refresh === undefined && this.style.keepsStored) return;
    this.storage.setItem("refresh", refresh);
  }

  signOut() {
    this.storage.signedOut = true;
    this.storage.removeItem("access");
    this.storage.removeItem("refresh");
  }

  /** Refresh once. `exchange(sent)` sends the token and returns the body of the answer. */
  async renew(exchange) {
    const sent = this.storage.getItem("refresh");
    if (sent === null) throw new Error("signed out");
    const answer = await this.exchange(exchange, sent);
    this.save({ access: answer.access, refresh: this.style.refresh(answer, sent) });
    return answer.access;
  }

  async exchange(exchange, sent) {
    try {
      return await exchange(sent);
    } catch (error) {
      if (this.style.givesUp(error.status ?? error.response?.status)) this.signOut();
      throw error;
    }
  }
}
