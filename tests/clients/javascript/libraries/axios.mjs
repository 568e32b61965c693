// axios with the interceptor of most tutorials: each refused call refreshes separately.
import axios from "axios";

export function make({ origin, glue }) {
  const api = axios.create({ baseURL: origin, adapter: "fetch" });
  const plain = axios.create({ baseURL: origin, adapter: "fetch" });
  const renew = () =>
    glue.renew(async (refresh) => (await plain.post("/auth/refresh/", { refresh })).data);

  api.interceptors.request.use((config) => {
    config.headers.Authorization = glue.authorization;
    return config;
  });
  api.interceptors.response.use(undefined, async (error) => {
    const request = error.config;
    if (error.response?.status !== 401 || request._retry) throw error;
    request._retry = true;
    await renew();
    return api(request);
  });
  return { call: (n) => api.get("/who-am-i/", { params: { n } }), renew };
}
