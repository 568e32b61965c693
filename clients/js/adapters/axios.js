/**
 * Axios 1.12 or newer: axios.create(axiosOptions(client)).
 * @param {Pick<import("refresh-sessions-client/types").Client, "fetch">} client
 */
export const axiosOptions = (client) => ({
  adapter: /** @type {const} */ ("fetch"),
  // The client builds the Request, and repeats it after a refresh.
  env: { fetch: client.fetch, Request: null, Response: globalThis.Response },
});
