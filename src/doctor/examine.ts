import type { Finding } from "./finding.js";
import { checkDisk, checkEmbeddedModel, checkMemory, checkNode, checkSockets } from "./machine.js";
import { checkPython } from "./python.js";

/**
 * Looks at everything that a run on this machine needs.
 *
 * @param options.runs - Folder where runs go.
 * @param options.python - Python interpreter in place of the default one.
 */
export async function examine(options: { runs: string; python?: string | undefined }): Promise<Finding[]> {
  const [disk, sockets, python] = await Promise.all([
    checkDisk(options.runs),
    checkSockets(),
    checkPython(options.python),
  ]);
  return [checkNode(), ...python, checkEmbeddedModel(), checkMemory(), disk, sockets];
}
