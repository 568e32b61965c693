// Stores the tokens itself and refreshes before a call with an expired token.
import { createRequire } from "node:module";
import axios from "axios";

const require = createRequire(import.meta.url);

/** The library has module state, so each tab needs separate modules. */
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
      // A plain string leaves the stored refresh token unchanged.
      if (refreshToken === undefined && glue.style.keepsStored) return answer.access;
      return { accessToken: answer.access, refreshToken };
    },
  });
  return { call: (n) => api.get("/who-am-i/", { params: { n } }), renew: () => glue.renew(post) };
}
