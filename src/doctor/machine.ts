import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { openSocketDirectory } from "../backend/socket-directory.js";
import { EMBEDDED_MODEL_FOLDER } from "../package-root.js";
import type { Finding } from "./finding.js";

const OLDEST_NODE = [20, 19] as const;
/** The embedded model's trainer takes about 1 GB, most of it torch. */
const MEMORY = { least: 1e9, comfortable: 4e9 } as const;
/** A run of the embedded model takes a few MB a checkpoint, one of a 7 B model 100 GB. */
const DISK = { least: 5e8, comfortable: 1e10 } as const;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Node's version. */
export function checkNode(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldest, oldestMinor] = OLDEST_NODE;
  if (major > oldest || (major === oldest && minor >= oldestMinor)) {
    return { check: "Node", level: "ok", found: version };
  }
  const found = `${version}, expected ${OLDEST_NODE.join(".")} or newer`;
  return { check: "Node", level: "fail", found, mend: "install it from https://nodejs.org" };
}

/** Memory that this process may use: the machine's, or a container's share of it. */
export function checkMemory(bytes: number = usableMemory()): Finding {
  const found = `${gigabytes(bytes)} for ${availableParallelism()} processors`;
  return graded("memory", bytes, MEMORY, found, "end other programs, or give the container more memory");
}

function usableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** Room on the disk where runs go. */
export async function checkDisk(runs: string): Promise<Finding> {
  let folder = resolve(runs);
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  return graded(
    "disk",
    free,
    DISK,
    `${gigabytes(free)} free in ${folder}`,
    "remove old runs, or name another folder: --runs",
  );
}

function graded(
  check: string,
  value: number,
  bounds: { least: number; comfortable: number },
  found: string,
  mend: string,
): Finding {
  if (value >= bounds.comfortable) return { check, level: "ok", found };
  const wanted = value < bounds.least ? bounds.least : bounds.comfortable;
  return { check, level: value < bounds.least ? "fail" : "warn", found: `${found}, ${gigabytes(wanted)} wanted`, mend };
}

/** Whether Unix sockets can be made in the folder for temporary files, whose path must be short for it. */
export async function checkSockets(parent: string = tmpdir()): Promise<Finding> {
  const check = "sockets";
  const mend = "set TMPDIR to a short path of a folder that you may write, such as /tmp";
  try {
    const directory = openSocketDirectory(parent);
    try {
      const server = createServer();
      server.listen(directory.socket("doctor.sock"));
      await once(server, "listening");
      server.close();
      return { check, level: "ok", found: `Unix sockets work in ${parent}` };
    } finally {
      directory.remove();
    }
  } catch (error) {
    return { check, level: "fail", found: (error as Error).message, mend };
  }
}

/** Whether the weights of the embedded model are there. */
export function checkEmbeddedModel(folder: string = EMBEDDED_MODEL_FOLDER): Finding {
  const weights = join(folder, "model.safetensors");
  const size = statSync(weights, { throwIfNoEntry: false })?.size;
  const check = "embedded model";
  if (size !== undefined) return { check, level: "ok", found: `${(size / 1e6).toFixed(1)} MB of weights` };
  const found = `${weights} is missing`;
  return { check, level: "warn", found, mend: "install the package again, or train the model: npx scpo base" };
}
