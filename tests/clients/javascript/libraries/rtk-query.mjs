// RTK Query as in its documentation: async-mutex, and a base query that refreshes.
import { configureStore } from "@reduxjs/toolkit";
import { createApi, fetchBaseQuery } from "@reduxjs/toolkit/query";
import { Mutex } from "async-mutex";

export function make({ origin, glue }) {
  const mutex = new Mutex();
  const plain = fetchBaseQuery({ baseUrl: origin });
  const baseQuery = fetchBaseQuery({
    baseUrl: origin,
    prepareHeaders: (headers) => headers.set("Authorization", glue.authorization),
  });

  const renew = (context = [{ signal: new AbortController().signal, getState() {} }, {}]) =>
    glue.renew(async (refresh) => {
      const body = { refresh };
      const answer = await plain({ url: "/auth/refresh/", method: "POST", body }, ...context);
      if (answer.error) throw answer.error;
      return answer.data;
    });

  const baseQueryWithReauth = async (args, ...context) => {
    await mutex.waitForUnlock();
    let result = await baseQuery(args, ...context);
    if (result.error?.status !== 401) return result;
    if (mutex.isLocked()) {
      await mutex.waitForUnlock();
      return baseQuery(args, ...context);
    }
    const release = await mutex.acquire();
    try {
      await renew(context);
      result = await baseQuery(args, ...context);
    } catch {
      // Return the first answer.
    } finally {
      release();
    }
    return result;
  };

  const api = createApi({
    baseQuery: baseQueryWithReauth,
    endpoints: (build) => ({ whoAmI: build.query({ query: (n) => `/who-am-i/?n=${n}` }) }),
  });
  const store = configureStore({
    reducer: { [api.reducerPath]: api.reducer },
    middleware: (defaults) => defaults().concat(api.middleware),
  });
  const options = { forceRefetch: true, subscribe: false };
  return {
    call: (n) => store.dispatch(api.endpoints.whoAmI.initiate(n, options)).unwrap(),
    renew: () => renew(),
  };
}
