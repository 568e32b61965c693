import { catchError, from, switchMap } from "rxjs";

/**
 * Angular: provideHttpClient(withFetch(), withInterceptors([sessionInterceptor(client)])).
 * @param {Pick<import("refresh-sessions-client/types").Client, "headers" | "recover">} client
 */
export const sessionInterceptor = (client, tries = 3) =>
  /** @param {any} request @param {(request: any) => import("rxjs").Observable<any>} next @returns {import("rxjs").Observable<any>} */
  function send(request, next) {
    const recover = async (/** @type {any} */ error, /** @type {Record<string, string>} */ headers) => {
      if (error.status !== 401 || tries <= 0 || !(await client.recover(error.error, headers, error.headers.get("DPoP-Nonce")))) throw error;
    };
    const headers = from(client.headers(request.url, request.method));
    return headers.pipe(
      switchMap((setHeaders) =>
        next(request.clone({ setHeaders })).pipe(
          catchError((error) => from(recover(error, setHeaders)).pipe(switchMap(() => sessionInterceptor(client, tries - 1)(request, next)))),
        ),
      ),
    );
  };
