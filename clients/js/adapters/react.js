import { useEffect, useState } from "react";

/**
 * React: whether the user is logged in; undefined until that is known.
 * @param {Pick<import("refresh-sessions-client/types").Client, "loggedIn" | "onChange">} client
 */
export function useLoggedIn(client) {
  const [loggedIn, setLoggedIn] = useState(/** @type {boolean | undefined} */ (undefined));
  useEffect(() => {
    const end = client.onChange(({ type }) => setLoggedIn(type !== "logout"));
    client.loggedIn().then((first) => setLoggedIn((known) => known ?? first), () => {});
    return end;
  }, [client]);
  return loggedIn;
}
