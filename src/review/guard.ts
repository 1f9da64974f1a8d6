import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Sent with every answer: the page loads nothing from elsewhere, and nothing elsewhere shows or reads it. */
export const PROTECTING_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** A secret for an address. */
export function newToken(): string {
  return randomBytes(24).toString("base64url");
}

/**
 * Lets only those in who were told the address.
 *
 * @param request - A request whose path begins with the token.
 * @param token - The secret; other users of the machine can reach the port and must not guess it.
 * @param port - The port that is listened on; a foreign name that leads here (DNS rebinding) is refused.
 * @returns The path behind the token, without `/` in front, or the status to refuse with.
 */
export function admit(
  request: IncomingMessage,
  token: string,
  port: number,
): { path: string; query: URLSearchParams } | number {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host, origin } = request.headers;
  if (host === undefined || !hosts.includes(host)) return 421;
  if (origin !== undefined && !hosts.includes(origin.replace(/^http:\/\//, ""))) return 403;
  const [target = "", search = ""] = (request.url ?? "").split(/\?(.*)/s);
  const [, shown, path] = /^\/([^/]+)\/(.*)$/.exec(target) ?? [];
  if (shown === undefined || path === undefined || !equal(shown, token)) return 404;
  return { path, query: new URLSearchParams(search) };
}

/** Takes a time that does not depend on where two texts differ. */
function equal(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
