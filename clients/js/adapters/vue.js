import { onScopeDispose, readonly, ref } from "vue";

/**
 * Vue: a ref with whether the user is logged in; undefined until that is known.
 * @param {Pick<import("refresh-sessions-client/types").Client, "loggedIn" | "onChange">} client
 */
export function useLoggedIn(client) {
  const loggedIn = ref(/** @type {boolean | undefined} */ (undefined));
  onScopeDispose(client.onChange(({ type }) => (loggedIn.value = type !== "logout")));
  client.loggedIn().then((first) => (loggedIn.value ??= first), () => {});
  return readonly(loggedIn);
}
