/** Types of `refresh-sessions-client`. */

/** What to do about an error; docs/client.md has the table. */
export type Action = "login" | "reauthenticate" | "retry" | "fix";

export type Data = { [field: string]: any };

/** The entry in the storage. */
export interface Tokens {
  access?: string;
  refresh?: string;
  /** Clock of the device when the access token arrived. */
  at?: number;
  /** Lifetime of the access token in ms; undefined if unknown. */
  ttl?: number;
}

export type Change = "login" | "logout" | "refresh";

export interface ChangeEvent {
  type: Change;
  /** It happened in another tab. */
  remote: boolean;
}

/** A password, or the fields of the methods: `{ password, otp }`. */
export type Proof = string | Data;

/** As localStorage; the methods may return promises. */
export interface TokenStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

/** Keys per client name, as a Map; the values are structured-cloneable. The methods may return promises. */
export interface KeyStorage {
  getItem(name: string): BoundKey[] | null | undefined | Promise<BoundKey[] | null | undefined>;
  setItem(name: string, keys: BoundKey[]): unknown;
}

/** The key of one login. Without a pair: the session `sid` is not bound. */
export interface BoundKey {
  pair?: CryptoKeyPair;
  jwk?: JsonWebKey;
  /** RFC 7638. */
  jkt?: string;
  /** Of the session; undefined until the login is answered. */
  sid?: string;
}

export interface DpopOptions {
  /** ES256, for all logins of this client. */
  keyPair?: CryptoKeyPair;
  /** IndexedDB by default; without it, as in node, memory. */
  store?: KeyStorage;
}

/** What client.js shares with client-dpop.js. */
export interface Binding {
  dpop?: boolean | DpopOptions;
  name: string;
  base: URL;
  storage?: TokenStorage | null;
  nameOf(field: string): string;
  claimsOf(token: unknown): Data;
  fetch(input: any, init?: RequestInit): Promise<Response>;
  onWarning(error: unknown): void;
  /** Of the last login. */
  pending?: BoundKey;
  /** Of the session. */
  used?: BoundKey;
  memory?: BoundKey[];
  /** Of each origin. */
  nonces?: Record<string, string>;
  /** The server's clock minus that of the device, in ms. */
  skew?: number;
  /** A read of the keys has failed. */
  failed?: boolean;
  /** This tab cannot store or read keys. */
  unable?: boolean;
}

export interface Options {
  /** Prefix of the endpoints, such as "/auth/" in a page, or an absolute URL. */
  baseUrl: string;
  /** As `TRANSPORT` of the server; "body" by default. */
  transport?: "body" | "cookie";
  /** Of the tokens, with the transport "body"; localStorage by default, null for memory alone. */
  storage?: TokenStorage | null;
  /** Origins that get the access token, beside that of baseUrl. */
  origins?: string[];
  /** Of the requests to baseUrl; "include" by default with "cookie", else "same-origin". */
  credentials?: RequestCredentials;
  /** As `FIELD_NAMES` of the server: `{ access: "accessToken" }`. */
  fields?: Record<string, string>;
  /** Ask the user for a step-up; gets the error of the last attempt. A null cancels. */
  askIdentity?: (error?: Error & { code: string; data: Data }) => Proof | null | undefined | Promise<Proof | null | undefined>;
  /** Errors that no call can report; console.warn by default. */
  onWarning?: (error: unknown) => void;
  /** Of the storage entry, the lock and the channel. */
  name?: string;
  /** Bind each session to a key that scripts cannot read, with DPoP (RFC 9449). */
  dpop?: boolean | DpopOptions;
  /** navigator.locks by default; null for none. */
  locks?: Pick<LockManager, "request"> | null;
  /** The global fetch by default. */
  fetch?: (input: any, init?: RequestInit) => Promise<Response>;
}

export interface Client {
  /** Log in. If the server asks for a second factor, the result has its `methods`: call `verify`. */
  login(username: string, password: string, more?: { deviceName?: string } & Data): Promise<{ session?: Data; methods?: Data[] }>;
  /** The second step of a login: `{ otp: "123456" }`. */
  verify(values: Data): Promise<{ session: Data }>;
  /** End the session, in all tabs. */
  logout(): Promise<void>;
  /** Verify the identity of the user once more. */
  reauthenticate(proof: Proof): Promise<void>;
  /** Refresh now; the result is the access token. Calls refresh by themselves. */
  refresh(): Promise<string>;
  /** As the global fetch, with the access token. A relative URL belongs to the origin of baseUrl. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Whether there is a session. With the transport "cookie", the first call asks the server. */
  loggedIn(): Promise<boolean>;
  sessions: {
    list(): Promise<Data[]>;
    rename(id: string, name: string): Promise<Data>;
    revoke(id: string): Promise<void>;
    revokeOthers(): Promise<{ revoked: number }>;
    revokeAll(): Promise<{ revoked: number }>;
  };
  /** Listen to logins, refreshes and logouts of all tabs; the result ends this. */
  onChange(listener: (event: ChangeEvent) => void): () => void;
  /** A usable access token, refreshed if necessary; undefined without a session. */
  access(): Promise<string | undefined>;
  /** The headers of a call, for libraries without fetch; empty for a foreign origin. The method is GET by default. */
  headers(url: string | URL, method?: string): Promise<Record<string, string>>;
  /** Handle the body, and `DPoP-Nonce`, of a 401 to a call with these headers. True: repeat it with new headers. */
  recover(body: Data | null | undefined, sent: Record<string, string>, nonce?: string | null): Promise<boolean>;
  /** Stop listening to other tabs. */
  close(): void;
}

export interface ErrorDetails {
  status?: number;
  /** Seconds. */
  retryAfter?: number;
  /** The body of the answer. */
  data?: Data;
  cause?: unknown;
}
