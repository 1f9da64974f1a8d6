import { ServerCredentials } from "@grpc/grpc-js";
import { readFileSync, statSync } from "node:fs";
import { lstat, mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { createSecureContext } from "node:tls";
import { answers } from "./stale-sockets.js";
import { isLocalAddress } from "./settings.js";
import { UserError } from "../errors.js";
import { LONGEST_SOCKET_PATH, TCP_ADDRESS } from "../generated/rules.js";

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Certificates of those who sign clients' certificates; with it every client must show one. */
  readonly clientAuthority?: string;
}

/** What a message calls each setting: flags of a command, or fields of settings. */
export interface ListenNames {
  readonly listen: string;
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthority: string;
  readonly token: string;
}

/** The flags of the command line. */
const LISTEN_FLAGS: ListenNames = {
  listen: "--listen",
  certificate: "--tls-certificate",
  key: "--tls-key",
  clientAuthority: "--tls-client-authority",
  token: "--token-file",
};

/** What is needed before the service listens beyond this machine. */
export interface ListenOptions {
  /** `unix:///absolute/path` or `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly tls?: TlsFiles;
  /** Whether clients must show a token. */
  readonly tokens: boolean;
  /** What a message calls the settings (default: the flags). */
  readonly names?: ListenNames;
}

const unixScheme = "unix://";

/**
 * Checks an address to listen on, and makes a Unix socket's folder private.
 *
 * @returns The address as gRPC takes it.
 * @throws UserError for an address beyond this machine without TLS and a token or clients' certificates, for a socket
 *   whose folder others may enter, and for one on which somebody listens.
 */
export async function checkListen(options: ListenOptions): Promise<string> {
  const { listen, tls, tokens, names = LISTEN_FLAGS } = options;
  if (listen.startsWith(`${unixScheme}/`)) {
    await prepareSocket(listen.slice(unixScheme.length), names.listen);
    return listen;
  }
  if (!TCP_ADDRESS.pattern.test(listen)) {
    throw new UserError(
      `${names.listen}: found "${listen}", expected unix:///absolute/path or ${TCP_ADDRESS.expected}`,
    );
  }
  const guarded = tls !== undefined && (tokens || tls.clientAuthority !== undefined);
  if (!isLocalAddress(listen) && !guarded) {
    throw new UserError(
      `${names.listen}: ${listen} is reachable from other machines, which needs TLS and a token (or clients' ` +
        `certificates): give ${names.certificate}, ${names.key} and ${names.token} (or ${names.clientAuthority}), or ` +
        "listen on 127.0.0.1",
    );
  }
  return listen;
}

async function prepareSocket(path: string, name: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH) {
    throw new UserError(
      `${name}: ${path} has ${Buffer.byteLength(path)} bytes, expected at most ${LONGEST_SOCKET_PATH}: systems limit the ` +
        "paths of sockets",
    );
  }
  const folder = dirname(path);
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new UserError(`${name}: no such folder: ${dirname(folder)}; create it first`);
    if (error.code !== "EEXIST") throw error;
  });
  const status = await lstat(folder);
  const own = process.getuid === undefined || status.uid === process.getuid();
  if (!status.isDirectory() || (status.mode & 0o077) !== 0 || !own) {
    throw new UserError(
      `${name}: ${folder} is open to other users, expected a folder of your own with mode 0700, since whoever reaches ` +
        "the socket commands the service; use a new folder",
    );
  }
  const isSocket = await lstat(path).then(
    (found) => found.isSocket(),
    () => null,
  );
  if (isSocket === null) return;
  if (!isSocket) throw new UserError(`${name}: ${path} is no socket; choose another path`);
  if (await answers(path)) {
    throw new UserError(`${name}: another service listens on ${path}; stop it or choose another path`);
  }
  await rm(path, { force: true });
}

/**
 * Credentials for the server: none without TLS files.
 *
 * @param names - What a message calls the settings.
 * @throws UserError when a file cannot be read, or when others may read the key.
 */
export function serverCredentials(tls: TlsFiles | undefined, names = LISTEN_FLAGS): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { clientAuthority } = tls;
  checkPrivate(tls.key, names.key);
  const pair = {
    cert_chain: readPem(tls.certificate, names.certificate),
    private_key: readPem(tls.key, names.key),
  };
  const authority = clientAuthority === undefined ? null : readPem(clientAuthority, names.clientAuthority);
  try {
    // gRPC would find out at the first connection.
    createSecureContext({
      cert: pair.cert_chain,
      key: pair.private_key,
      ...(authority === null ? {} : { ca: authority }),
    });
    return ServerCredentials.createSsl(authority, [pair], authority !== null);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${names.certificate}: ${tls.certificate} and ${tls.key} do not serve: ${message}`);
  }
}

/** The content of a file that only its owner may read. */
export function readPrivate(path: string, flag: string): string {
  checkPrivate(path, flag);
  return readPem(path, flag).toString("utf8");
}

function checkPrivate(path: string, flag: string): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode !== undefined && (mode & 0o077) !== 0) {
    throw new UserError(`${flag}: other users may read ${path}, expected mode 0600: run chmod 600 ${path}`);
  }
}

function readPem(path: string, flag: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(`${flag}: cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}
