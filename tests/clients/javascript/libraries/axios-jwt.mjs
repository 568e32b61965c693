// Keeps the tokens itself, looks when they expire, and refreshes before it calls.
import { createRequire } from "node:module";
import axios from "axios";

const require = createRequire(import.meta.url);

/** The library keeps its state in its modules, so that each tab needs modules of its own. */
function load() {
  for (const path of Object.keys(require.cache)) {
    if (path.includes("/axios-jwt/")) delete require.cache[path];
  }
  return require("axios-jwt");
}

export function make({ origin, glue }) {
  const { applyAuthTokenInterceptor } = load();
  const api = axios.create({ baseURL: origin, adapter: "fetch" });
  const plain = axios.create({ baseURL: origin, adapter: "fetch" });
  const post = async (refresh) => (await plain.post("/auth/refresh/", { refresh })).data;
  const { storage } = glue;
  applyAuthTokenInterceptor(api, {
    tokenExpireFudge: "0.1s",
    getStorage: () => ({
      get: () => {
        const refreshToken = storage.getItem("refresh");
        return refreshToken && JSON.stringify({ accessToken: glue.access, refreshToken });
      },
      set: (_, tokens) => {
        const { accessToken, refreshToken } = JSON.parse(tokens);
        glue.save({ access: accessToken, refresh: refreshToken });
      },
      remove: () => glue.signOut(),
    }),
    requestRefresh: async (sent) => {
      const answer = await glue.exchange(post, sent);
      const refreshToken = glue.style.refresh(answer, sent);
      // A string alone leaves the refresh token in the storage as it is.
      if (refreshToken === undefined && glue.style.keepsStored) return answer.access;
      return { accessToken: answer.access, refreshToken };
    },
  });
  return { call: (n) => api.get("/who-am-i/", { params: { n } }), renew: () => glue.renew(post) };
}
