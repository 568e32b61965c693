import ky from "ky";

export function make({ origin, glue }) {
  const plain = ky.create({ prefixUrl: origin });
  const renew = () =>
    glue.renew((refresh) => plain.post("auth/refresh/", { json: { refresh } }).json());

  const api = plain.extend({
    hooks: {
      beforeRequest: [(request) => request.headers.set("Authorization", glue.authorization)],
      afterResponse: [
        async (request, options, response) => {
          if (response.status !== 401) return;
          await renew();
          request.headers.set("Authorization", glue.authorization);
          return plain(request);
        },
      ],
    },
  });
  return { call: (n) => api.get("who-am-i/", { searchParams: { n } }).json(), renew };
}
