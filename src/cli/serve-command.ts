import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parse } from "yaml";
import { backendSettings } from "../backend/settings.js";
import { checkSettings } from "../check-settings.js";
import { UserError } from "../errors.js";
import type { RunSettings } from "../run-file/schema.js";
import { type ServeOptions, serve } from "../service/serve.js";

/** What `scpo serve` was given. */
export interface ServeCommandOptions {
  readonly listen: string;
  readonly runs: string;
  readonly data: readonly string[];
  readonly backend?: string;
  readonly parallel: number;
  readonly tokenFile?: string;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly tlsClientAuthority?: string;
  readonly metricsPort?: number;
  readonly allowRemoteCode?: boolean;
  readonly allowHub?: boolean;
  readonly signal: AbortSignal;
}

/** Serves until the signal comes, then drains. */
export async function serveRuns(options: ServeCommandOptions): Promise<void> {
  const { signal, listen, parallel, tokenFile, metricsPort } = options;
  // What is written from here on, by trainers too, is the operator's alone.
  process.umask(0o077);
  const log = (line: string) => process.stderr.write(`scpo serve: ${line}\n`);
  const serving = await serve({
    listen,
    parallel,
    runs: resolve(options.runs),
    data: options.data.map((folder) => resolve(folder)),
    log,
    allowRemoteCode: options.allowRemoteCode ?? false,
    allowHub: options.allowHub ?? false,
    ...tlsOf(options),
    ...(tokenFile === undefined ? {} : { tokenFile }),
    ...(metricsPort === undefined ? {} : { metricsPort }),
    ...(options.backend === undefined ? {} : { backend: await readBackend(options.backend) }),
  });
  // One line that a program can wait for.
  process.stdout.write(`listening on ${serving.address}\n`);
  if (serving.metricsPort !== null) log(`figures on http://127.0.0.1:${serving.metricsPort}/metrics`);
  if (!signal.aborted) await new Promise((ended) => signal.addEventListener("abort", ended, { once: true }));
  log("draining: what runs is paused, and resumes when the service starts again");
  await serving.drain();
}

function tlsOf({ tlsCertificate, tlsKey, tlsClientAuthority }: ServeCommandOptions): Pick<ServeOptions, "tls"> {
  if (tlsCertificate === undefined && tlsKey === undefined && tlsClientAuthority === undefined) return {};
  if (tlsCertificate === undefined || tlsKey === undefined) {
    throw new UserError("--tls-certificate, --tls-key: found one without the other, expected both: give both files");
  }
  const authority = tlsClientAuthority === undefined ? {} : { clientAuthority: tlsClientAuthority };
  return { tls: { certificate: tlsCertificate, key: tlsKey, ...authority } };
}

async function readBackend(path: string): Promise<RunSettings["backend"]> {
  let content: unknown;
  try {
    content = parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new UserError(`--backend: cannot read ${path}: ${(cause as Error).message.split("\n")[0]}`, { cause });
  }
  const backend = checkSettings(backendSettings, content, "backend");
  if (backend.kind !== "dialled") return backend;
  throw new UserError(`--backend: ${path} has the kind dialled, which serves scpo direct alone: take another one`);
}
