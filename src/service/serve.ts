import { createServer } from "nice-grpc";
import { errorDetailsServerMiddleware } from "nice-grpc-error-details";
import { HealthDefinition, HealthServiceImpl, HealthState } from "nice-grpc-server-health";
import { ServerReflection, ServerReflectionService } from "nice-grpc-server-reflection";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { isInside } from "../files/path-guard.js";
import { fileDescriptorSet } from "../generated/descriptors.js";
import { RunServiceDefinition } from "../generated/scpo/v1/run.js";
import { takeHold } from "../run/hold.js";
import type { RunSettings } from "../run-file/schema.js";
import { authenticating } from "./authentication.js";
import { hidingFaults } from "./faults.js";
import { DEFAULT_LIMITS, limiting, type ServiceLimits } from "./limits.js";
import { oneLineLog } from "../one-line.js";
import { checkListen, serverCredentials, type TlsFiles } from "../backend/listen.js";
import { RunService } from "./run-service.js";
import { Runs } from "./runs.js";
import { ServiceMetrics } from "./service-metrics.js";
import { Tokens } from "./tokens.js";
import { readingAll, refusingUndecodable } from "./undecodable.js";
import { makeFolder } from "../files/writable.js";

/** How runs are offered. */
export interface ServeOptions {
  /** Folder of the runs; made when missing. */
  readonly runs: string;
  /** Folders that clients' paths must lie under; relative paths start from the first. */
  readonly data: readonly string[];
  /** `unix:///absolute/path` or `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly tls?: TlsFiles;
  /** File of tokens; left out: clients need none. */
  readonly tokenFile?: string;
  /** Runs at a time (default 1). */
  readonly parallel?: number;
  /** How every run gets its trainer (default: a Python process that this one launches). */
  readonly backend?: RunSettings["backend"];
  /**
   * Whether clients may set what has code run that comes with a model, reaches other services or reads files of this
   * machine: `trust_remote_code`, `report_to`, `model_init_kwargs` and others (default false).
   */
  readonly allowRemoteCode?: boolean;
  /** Whether clients may name models on the Hugging Face hub, which this machine then fetches (default false). */
  readonly allowHub?: boolean;
  /** Port on this machine for Prometheus, 0 for a free one; left out: none. */
  readonly metricsPort?: number;
  readonly limits?: Partial<ServiceLimits>;
  /** Milliseconds between pings of a silent connection; one that does not answer in as many is closed (default 30000). */
  readonly keepaliveMilliseconds?: number;
  /** Lines for the operator. */
  readonly log?: (line: string) => void;
}

/** A service that listens. */
export interface ServingRuns {
  /** As given, with the port that was taken. */
  readonly address: string;
  readonly metricsPort: number | null;
  /** Refuses new work, pauses runs with a checkpoint, ends watches and stops listening; safe to call twice. */
  drain(): Promise<void>;
}

const defaultKeepalive = 30_000;
/** What a client may still send or take after the drain. */
const shutdownMilliseconds = 2000;
/** Calls under way on one connection beside its watches; HTTP/2 lets further ones wait. */
const unaryStreams = 100;
/** Room for the pieces of a checkpoint and pages of runs. */
const responseBytes = 64 * 1024 * 1024;

/**
 * Offers runs as `scpo.v1.RunService` with health and reflection, and takes up those that an earlier service left.
 *
 * @throws UserError for an unsafe or taken address, for folders, tokens and certificates that do not serve.
 */
export async function serve(options: ServeOptions): Promise<ServingRuns> {
  const { tls, tokenFile, keepaliveMilliseconds = defaultKeepalive } = options;
  const log = oneLineLog(options.log ?? (() => undefined));
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const address = await checkListen({
    listen: options.listen,
    tokens: tokenFile !== undefined,
    ...(tls === undefined ? {} : { tls }),
  });
  const tokens = tokenFile === undefined ? undefined : Tokens.read(tokenFile);
  const credentials = serverCredentials(tls);
  const dataRoots = options.data.map(existingFolder);
  if (dataRoots.length === 0) throw new UserError("--data: found none, expected at least one folder");
  requireOutside(dataRoots, { "--token-file": tokenFile, "--tls-key": tls?.key });
  await makeFolder(options.runs, 0o700);
  const folder = realpathSync(options.runs);
  const held = await takeHold(join(folder, ".service-owner.json")).catch((cause: unknown) => {
    if (!(cause instanceof UserError)) throw cause;
    throw new UserError(`--runs: another service serves ${folder}; stop it or name another folder`, { cause });
  });
  const runs = await Runs.open({
    folder,
    dataRoots,
    parallel: options.parallel ?? 1,
    limits,
    backend: options.backend ?? { kind: "launched" },
    remoteCode: options.allowRemoteCode ?? false,
    hub: options.allowHub ?? false,
    onEnd: (_, state) => metrics.runEnded(state),
    log,
  });
  const service = new RunService(runs);
  const metrics = new ServiceMetrics({
    waiting: () => runs.counts.waiting,
    running: () => runs.counts.running,
    watchers: () => service.watchers,
  });
  const health = HealthState();
  const server = createServer({
    "grpc.max_receive_message_length": limits.requestBytes,
    "grpc.max_send_message_length": responseBytes,
    "grpc.keepalive_time_ms": keepaliveMilliseconds,
    "grpc.keepalive_timeout_ms": keepaliveMilliseconds,
    "grpc.max_concurrent_streams": limits.streams + unaryStreams,
  })
    .use(metrics.counting)
    .use(errorDetailsServerMiddleware)
    .use(hidingFaults(log))
    .use(authenticating(tokens))
    .use(limiting(limits))
    .use(refusingUndecodable);
  server.add(readingAll(RunServiceDefinition), service);
  server.add(readingAll(HealthDefinition), HealthServiceImpl(health));
  server.add(readingAll(ServerReflectionService), ServerReflection(fileDescriptorSet, [RunServiceDefinition.fullName]));
  let draining: Promise<void> | undefined;
  const drain = async () => {
    health.setStatus("unhealthy");
    service.close();
    await runs.drain();
    const force = setTimeout(() => server.forceShutdown(), shutdownMilliseconds);
    await server.shutdown();
    clearTimeout(force);
    metrics.close();
    await held.release();
  };
  const port = await listening(() => server.listen(address, credentials), address).catch(async (error: unknown) => {
    await drain();
    throw error;
  });
  health.setStatus("healthy", RunServiceDefinition.fullName);
  const metricsPort =
    options.metricsPort === undefined
      ? null
      : await metrics.listen(options.metricsPort).catch(async (error: unknown) => {
          await drain();
          throw error;
        });
  return {
    address: address.startsWith("unix:") ? address : address.replace(/:\d+$/, `:${port}`),
    metricsPort,
    drain: () => (draining ??= drain()),
  };
}

function existingFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    throw new UserError(`--data: no such folder: ${path}; create it or name another`);
  }
}

/** A client that may name a secret as data could make its content appear in an error. */
function requireOutside(roots: readonly string[], secrets: Readonly<Record<string, string | undefined>>): void {
  for (const [flag, path] of Object.entries(secrets)) {
    const root = path === undefined ? undefined : roots.find((folder) => isInside(realpathSync(path), folder));
    if (root === undefined) continue;
    throw new UserError(`${flag}: ${path} lies under --data ${root}, where clients may name it; keep it elsewhere`);
  }
}

async function listening(listen: () => Promise<number>, address: string): Promise<number> {
  try {
    return await listen();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`--listen: cannot listen on ${address}: ${message}`, { cause });
  }
}
