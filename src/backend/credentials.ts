import { ChannelCredentials } from "@grpc/grpc-js";
import { readFileSync } from "node:fs";
import { UserError } from "../errors.js";
import { TOKEN } from "../generated/rules.js";
import type { RemoteSettings } from "./settings.js";

/**
 * Reads the certificates of a remote trainer's connection.
 *
 * @returns Undefined where the settings ask for no TLS.
 * @throws UserError when a file is missing or not what it should be.
 */
export function channelCredentials({ tls }: Pick<RemoteSettings, "tls">): ChannelCredentials | undefined {
  if (tls === undefined) return undefined;
  const authority = read(tls.authority, "backend.tls.authority");
  const certificate = read(tls.certificate, "backend.tls.certificate");
  const key = read(tls.key, "backend.tls.key");
  try {
    return ChannelCredentials.createSsl(authority, key, certificate);
  } catch (error) {
    const files = [tls.authority, tls.certificate, tls.key].filter((file) => file !== undefined).join(", ");
    throw new UserError(
      `backend.tls: ${files}: not usable (${(error as Error).message}): expected PEM files, the key without a password`,
    );
  }
}

/**
 * Reads the token of a trainer from its file or environment variable.
 *
 * @returns Undefined where the settings name none.
 * @throws UserError when there is none at that place.
 */
export function readToken(
  { token }: Pick<RemoteSettings, "token">,
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (token === undefined) return undefined;
  const [found, place] =
    "file" in token
      ? [read(token.file, "backend.token.file").toString("utf8"), `backend.token.file: ${token.file}`]
      : [environment[token.variable] ?? "", `backend.token.variable: $${token.variable}`];
  // It travels in a header.
  if (TOKEN.pattern.test(found.trim())) return found.trim();
  throw new UserError(`${place}: found no token, expected the trainer's: ${TOKEN.expected}`);
}

function read(path: string, field: string): Buffer;
function read(path: string | undefined, field: string): Buffer | null;
function read(path: string | undefined, field: string): Buffer | null {
  if (path === undefined) return null;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(`${field}: cannot read ${path} (${(error as NodeJS.ErrnoException).code}): expected a file`);
  }
}
