import wretch from "wretch";

export function make({ origin, glue }) {
  const plain = wretch(origin);
  const renew = () =>
    glue.renew((refresh) => plain.url("/auth/refresh/").post({ refresh }).json());

  const api = () =>
    plain.auth(glue.authorization).catcher(401, async (error, request) => {
      await renew();
      const again = request.auth(glue.authorization).get();
      return again.unauthorized((refusal) => { throw refusal; }).json();
    });
  return { call: (n) => api().url(`/who-am-i/?n=${n}`).get().json(), renew };
}
