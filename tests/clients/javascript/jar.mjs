// Node's fetch stores no cookies, unlike a browser's. Code within `withJar` has a cookie jar.
import { AsyncLocalStorage } from "node:async_hooks";
import { CookieJar } from "tough-cookie";

const jars = new AsyncLocalStorage();
const plainFetch = globalThis.fetch;

export const makeJar = () => new CookieJar();
export const withJar = (jar, work) => jars.run(jar, work);

// Before any client is imported: some store the global function on import.
globalThis.fetch = async (input, init) => {
  const jar = jars.getStore();
  if (!jar) return plainFetch(input, init);
  const request = new Request(input, init);
  const cookies = await jar.getCookieString(request.url);
  if (cookies) request.headers.set("Cookie", cookies);
  const answer = await plainFetch(request);
  for (const cookie of answer.headers.getSetCookie()) {
    await jar.setCookie(cookie, request.url, { ignoreError: true });
  }
  return answer;
};
