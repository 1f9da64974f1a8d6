import { readEnvironment } from "../backend/environment.js";
import { findPython } from "../backend/python.js";
import type { ReadSettings } from "./read.js";

/**
 * Refuses fp16 where this machine trains and has no GPU, before a run's name is taken; a trainer elsewhere says so itself.
 *
 * @param read - Checked settings.
 * @throws SettingsError that names the field; UserError when there is no Python.
 */
export async function requirePrecision({ settings, refusal }: ReadSettings): Promise<void> {
  const { backend, training } = settings;
  if (training["fp16"] !== true || backend.kind === "remote" || backend.kind === "dialled") return;
  // Whatever else is wrong with this Python, the trainer says when it starts.
  const environment = await readEnvironment(findPython(backend.python)).catch(() => undefined);
  if (environment?.devices?.length !== 0) return;
  const description =
    "found true, expected a CUDA GPU on this machine, which scales its gradients: set bf16, or leave both out";
  throw refusal([{ path: ["training", "fp16"], isName: false, description }]);
}
