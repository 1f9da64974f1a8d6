import { type Environment, readEnvironment } from "../backend/environment.js";
import { findPython } from "../backend/python.js";
import type { Finding } from "./finding.js";

const INSTALL = "run `npm start`, or install python_bridge/requirements.txt into this Python";

/**
 * Looks at the Python that trainers are started with: its version, its packages, the GPUs that torch sees.
 *
 * @param python - Path of an interpreter; default as for a run.
 */
export async function checkPython(python?: string): Promise<Finding[]> {
  let interpreter: string;
  try {
    interpreter = findPython(python);
  } catch (error) {
    return [{ check: "Python", level: "fail", found: (error as Error).message, mend: "run `npm start`" }];
  }
  try {
    return environmentFindings(interpreter, await readEnvironment(interpreter));
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    const last = stderr?.trim().split("\n").at(-1) ?? "";
    const found = `${interpreter}: ${last === "" ? (error as Error).message : last}`;
    return [{ check: "Python", level: "fail", found, mend: INSTALL }];
  }
}

/** Conclusions from what Python reports about itself. */
export function environmentFindings(interpreter: string, environment: Environment): Finding[] {
  const findings: Finding[] = [versionFinding(interpreter, environment.python)];
  const { packages, devices } = environment;
  if (packages === undefined) {
    const found = environment.packages_error ?? "nothing was said of them";
    findings.push({ check: "packages", level: "fail", found, mend: INSTALL });
  } else {
    const wrong = packages.filter(({ ok }) => !ok);
    findings.push(
      wrong.length === 0
        ? { check: "packages", level: "ok", found: `${packages.length} in the ranges of pyproject.toml` }
        : { check: "packages", level: "fail", found: wrong.map(packageText).join("; "), mend: INSTALL },
    );
  }
  if (devices === undefined) {
    const found = `torch: ${environment.devices_error ?? "nothing was said of it"}`;
    findings.push({ check: "GPU", level: "fail", found, mend: INSTALL });
  } else if (devices.length === 0) {
    const mend = "train larger models on a machine with a CUDA build of torch, or on a remote trainer";
    findings.push({ check: "GPU", level: "warn", found: "none; the processor is enough for the embedded model", mend });
  } else {
    const text = devices.map(({ name, free_bytes: free, total_bytes: total }) => {
      return `${name}, ${(free / 1e9).toFixed(0)} of ${(total / 1e9).toFixed(0)} GB free`;
    });
    findings.push({ check: "GPU", level: "ok", found: text.join("; ") });
  }
  return findings;
}

function versionFinding(interpreter: string, version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major === 3 && minor >= 11) return { check: "Python", level: "ok", found: `${version}, ${interpreter}` };
  const found = `${version}, ${interpreter}; expected 3.11 or newer`;
  return { check: "Python", level: "fail", found, mend: "name a newer one: SCPO_PYTHON=/path/to/python3" };
}

function packageText({ name, required, found }: NonNullable<Environment["packages"]>[number]): string {
  return `${name} ${found ?? "is missing"}, expected ${required}`;
}
