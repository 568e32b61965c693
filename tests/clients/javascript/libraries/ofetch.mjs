// The retry of ofetch repeats the call after the hook has refreshed.
import { ofetch } from "ofetch";

export function make({ origin, glue }) {
  const plain = ofetch.create({ baseURL: origin });
  const renew = () =>
    glue.renew((refresh) => plain("/auth/refresh/", { method: "POST", body: { refresh } }));

  const api = ofetch.create({
    baseURL: origin,
    retry: 1,
    retryStatusCodes: [401],
    onRequest({ options }) {
      options.headers.set("Authorization", glue.authorization);
    },
    async onResponseError({ response, options }) {
      if (response.status === 401 && options.retry) await renew();
    },
  });
  return { call: (n) => api("/who-am-i/", { query: { n } }), renew };
}
