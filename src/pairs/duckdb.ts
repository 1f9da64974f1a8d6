import { access, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../errors.js";
import { makeFolder } from "../files/writable.js";
import { removeLeftovers, temporaryBeside } from "../files/write-atomically.js";

/** What a query over files larger than memory may use. */
export interface DuckDBOptions {
  /** Most memory for DuckDB's own data, such as `800MB` or `4GB`; what exceeds it goes to disk. @default "800MB" */
  readonly memoryLimit?: string | undefined;
  /** @default the machine's processors */
  readonly threads?: number | undefined;
  /** Interrupts the running query. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs queries in a database of their own, in memory, that spills beside a file.
 *
 * @param out - The file that the queries are for; its folder is made when missing and must have room for what spills.
 * @param options - Memory, threads and cancellation.
 * @param work - The queries; `connect` gives further connections, so that a long query does not hold up a short one.
 * @returns What `work` returns.
 * @throws UserError when an option is malformed, or memory or disk do not suffice; the signal's reason when it aborts.
 */
export async function withDuckDB<Result>(
  out: string,
  options: DuckDBOptions,
  work: (connection: DuckDBConnection, connect: () => Promise<DuckDBConnection>) => Promise<Result>,
): Promise<Result> {
  const { memoryLimit = "800MB", threads = availableParallelism(), signal } = options;
  if (!/^[1-9]\d*([KMGT]i?B)$/.test(memoryLimit)) {
    throw new UserError(`memory limit is "${memoryLimit}", expected a whole number and a unit such as 800MB or 4GB`);
  }
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UserError(`threads is ${threads}, expected a whole number of at least 1`);
  }
  signal?.throwIfAborted();
  await makeFolder(dirname(out));
  await removeLeftovers(out);
  // Loaded when it is needed: a large library that few commands use.
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const spill = temporaryBeside(out, "spill");
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: memoryLimit,
    threads: String(threads),
    temp_directory: spill,
    preserve_insertion_order: "false",
  });
  try {
    const connections: DuckDBConnection[] = [];
    const connect = async (): Promise<DuckDBConnection> => {
      const connection = await instance.connect();
      connections.push(connection);
      return connection;
    };
    const interrupt = (): void => connections.forEach((connection) => connection.interrupt());
    signal?.addEventListener("abort", interrupt);
    try {
      return await work(await connect(), connect);
    } catch (error) {
      signal?.throwIfAborted();
      throw shortage(error, memoryLimit, dirname(out)) ?? error;
    } finally {
      signal?.removeEventListener("abort", interrupt);
      for (const connection of connections) connection.closeSync();
    }
  } finally {
    instance.closeSync();
    await rm(spill, { recursive: true, force: true });
  }
}

function shortage(error: unknown, memoryLimit: string, folder: string): UserError | null {
  const message = error instanceof Error ? error.message : "";
  if (/no space left|disk full|max_temp_directory_size/i.test(message)) {
    return new UserError(`${folder}: the disk is full (${firstLine(message)}); make room or write elsewhere`);
  }
  if (/out of memory/i.test(message)) {
    return new UserError(`memory limit ${memoryLimit} is too small (${firstLine(message)}): raise it`);
  }
  return null;
}

/**
 * Types of a Parquet file's columns by name.
 *
 * @param connection - From {@link withDuckDB}.
 * @param path - The file.
 * @throws UserError when it is missing or not a complete Parquet file.
 */
export async function parquetColumns(connection: DuckDBConnection, path: string): Promise<Map<string, string>> {
  try {
    await access(path);
  } catch (error) {
    throw new UserError(`cannot open ${path} (${(error as Error).message}); expected a Parquet file: check the path`);
  }
  try {
    const described = await connection.runAndReadAll(`describe select * from ${parquetSource(path)}`);
    return new Map(described.getRows().map(([name, type]) => [String(name), String(type)]));
  } catch (error) {
    throw new UserError(
      `${path} is not a complete Parquet file (${firstLine((error as Error).message)}); ` +
        "it may be cut off or of another format: write it again",
    );
  }
}

/** A Parquet file in the place of a table, its rows numbered by the column `file_row_number`. */
export function parquetSource(path: string): string {
  return `read_parquet(${parquetPath(path)}, file_row_number = true)`;
}

/** A path as a text of SQL, where DuckDB would take it for a pattern. */
export function parquetPath(path: string): string {
  return sqlText(path.replaceAll(/[[*?]/g, "[$&]"));
}

/** A text as SQL. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as SQL. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A number as SQL, never as a decimal of other rounding. */
export function sqlDouble(value: number): string {
  return `${value.toExponential()}::double`;
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").trim();
}
