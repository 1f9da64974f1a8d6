import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { delimiter, dirname, sep } from "node:path";

/** The one Python module that pythonia may call: JSON texts in and out, so that nothing else crosses the bridge. */
interface BootModule {
  boot(settings: string): Promise<string>;
}

interface Pythonia {
  readonly python: ((module: string) => Promise<BootModule>) & { exit(): void };
  readonly com: { readonly proc: ChildProcess | null };
}

/** A Python process behind pythonia. */
export interface PythonBridge {
  readonly child: ChildProcess;
  /** Imports a Python module. */
  python(module: string): Promise<BootModule>;
  /** Sends SIGTERM and frees pythonia, so that the next import starts another process; safe to call twice. */
  exit(): void;
  /** Lets Node end although the process runs; it is killed then. */
  unref(): void;
}

const require = createRequire(import.meta.url);

/** Variables that must not reach pythonia (DEBUG makes it print every message) or gRPC in Python. */
const withheld = ["DEBUG", "GRPC_ENABLE_FORK_SUPPORT"];

/**
 * Starts Python through pythonia, which reads PYTHON_BIN and spawns while it is imported: the environment is set for
 * that moment and restored before this returns. pythonia's own time limit on calls is off: callers race the end
 * of the process, and a timer of its own would keep Node alive after that.
 *
 * @param python Path of the interpreter.
 * @param environment Further variables for the Python process.
 */
export function startPythonBridge(python: string, environment: Record<string, string>): PythonBridge {
  // Under PYTHONSAFEPATH its script does not find the modules beside it by itself.
  const path = [environment["PYTHONPATH"], dirname(require.resolve("pythonia/src/pythonia/interface.py"))];
  const PYTHONPATH = path.filter((part) => part !== undefined).join(delimiter);
  const pythonia = withEnvironment({ ...environment, PYTHONPATH, PYTHON_BIN: python, REQ_TIMEOUT: "0" }, () => {
    forgetPythonia();
    return require("pythonia") as Pythonia;
  });
  const child = pythonia.com.proc;
  if (child === null) throw new Error("pythonia started no Python process.");
  return {
    child,
    python: (module) => pythonia.python(module),
    exit: () => {
      if (pythonia.com.proc !== null) pythonia.python.exit();
    },
    unref: () => {
      child.unref();
      child.channel?.unref();
      // pythonia's timer for freeing objects, kept in a global of its own.
      const { __pythonBridge: bridge } = globalThis as { __pythonBridge?: { loop?: NodeJS.Timeout } };
      bridge?.loop?.unref();
    },
  };
}

/** pythonia is one process an import; a second process needs a second import. */
function forgetPythonia(): void {
  const folder = dirname(require.resolve("pythonia")) + sep;
  for (const path of Object.keys(require.cache)) {
    if (path.startsWith(folder)) delete require.cache[path];
  }
}

function withEnvironment<T>(variables: Record<string, string>, act: () => T): T {
  const before = new Map([...withheld, ...Object.keys(variables)].map((name) => [name, process.env[name]]));
  for (const name of withheld) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return act();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
