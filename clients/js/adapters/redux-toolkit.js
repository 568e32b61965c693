import { fetchBaseQuery } from "@reduxjs/toolkit/query";

/**
 * Redux Toolkit Query: createApi({ baseQuery: sessionBaseQuery(client, { baseUrl: "/api/" }), ... }).
 * @param {Pick<import("refresh-sessions-client/types").Client, "fetch">} client
 * @param {import("@reduxjs/toolkit/query").FetchBaseQueryArgs} [options]
 * @returns {import("@reduxjs/toolkit/query").BaseQueryFn<string | import("@reduxjs/toolkit/query").FetchArgs, unknown, any>}
 */
export const sessionBaseQuery = (client, options) => async (args, api, extra) => {
  /** @type {any} */
  let failure;
  const fetchFn = (/** @type {any[]} */ ...request) =>
    client.fetch(.../** @type {[any]} */ (request)).catch((error) => {
      throw (failure = error);
    });
  const result = await fetchBaseQuery({ ...options, fetchFn })(args, api, extra);
  if (!failure?.action) return result;
  const { action, code, status, retryAfter, message } = failure;
  return { error: { status: "SESSION_ERROR", action, code, httpStatus: status, retryAfter, error: message }, meta: result.meta };
};
