// Delays other calls during a refresh.
import axios from "axios";
import { createAuthRefresh } from "axios-auth-refresh";

export function make({ origin, glue }) {
  const api = axios.create({ baseURL: origin, adapter: "fetch" });
  const plain = axios.create({ baseURL: origin, adapter: "fetch" });
  const renew = () =>
    glue.renew(async (refresh) => (await plain.post("/auth/refresh/", { refresh })).data);

  api.interceptors.request.use((config) => {
    config.headers.Authorization = glue.authorization;
    return config;
  });
  createAuthRefresh(api, renew);
  return { call: (n) => api.get("/who-am-i/", { params: { n } }), renew };
}
