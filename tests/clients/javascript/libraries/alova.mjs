// With the hook for tokens of alova, which delays other calls during a refresh.
import { createAlova } from "alova";
import { createServerTokenAuthentication } from "alova/client";
import adapterFetch from "alova/fetch";

async function read(response) {
  if (response.ok) return response.json();
  throw Object.assign(new Error(`status ${response.status}`), { status: response.status });
}

export function make({ origin, glue }) {
  const shared = { baseURL: origin, requestAdapter: adapterFetch(), cacheFor: null };
  const plain = createAlova({ ...shared, shareRequest: false, responded: read });
  const renew = () => glue.renew((refresh) => plain.Post("/auth/refresh/", { refresh }));

  const { onAuthRequired, onResponseRefreshToken } = createServerTokenAuthentication({
    assignToken: (method) => {
      method.config.headers.Authorization = glue.authorization;
    },
    refreshTokenOnSuccess: {
      isExpired: (response) => response.status === 401 && glue.access !== null,
      handler: renew,
    },
  });
  const api = createAlova({
    ...shared,
    beforeRequest: onAuthRequired(),
    responded: onResponseRefreshToken(read),
  });
  return { call: (n) => api.Get("/who-am-i/", { params: { n } }), renew };
}
