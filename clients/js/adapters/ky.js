/**
 * ky: ky.create(kyOptions(client)).
 * @param {Pick<import("refresh-sessions-client/types").Client, "fetch">} client
 */
export const kyOptions = (client) => ({
  fetch: client.fetch,
  // The client has already retried what it can.
  retry: {
    /** @param {{ error: Error }} state */
    shouldRetry: ({ error }) => (error.name === "SessionError" ? false : undefined),
  },
});
