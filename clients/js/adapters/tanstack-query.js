/**
 * TanStack Query: new QueryClient({ defaultOptions: queryOptions(client) }). The first part of a key is the URL.
 * @param {Pick<import("refresh-sessions-client/types").Client, "fetch">} client
 */
export const queryOptions = (client) => ({
  queries: {
    /** @param {{ queryKey: readonly any[], signal: AbortSignal }} context */
    queryFn: async ({ queryKey: [url], signal }) => {
      const response = await client.fetch(url, { signal });
      if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
      return response.json();
    },
    /** @param {number} failures @param {any} error */
    retry: (failures, error) => error.action === "retry" && failures < 3,
    /** @param {number} failures @param {any} error */
    retryDelay: (failures, error) => 1000 * (error.retryAfter ?? 2 ** failures),
  },
});

/**
 * Forget the data of one user before another one logs in; returns a function that ends this.
 * @param {Pick<import("refresh-sessions-client/types").Client, "onChange">} client @param {{ clear(): void }} queryClient
 */
export const clearOnLogout = (client, queryClient) =>
  client.onChange(({ type }) => {
    if (type !== "refresh") queryClient.clear();
  });
