import { UserError } from "../errors.js";

/**
 * Reads a policy as the command line gives it: its name, and settings behind it, `kl-bound,bound=5,window=10`. A point
 * leads into settings of settings: `staged,promotion.on=plateau`.
 *
 * @param text - The option's value.
 * @param option - Its name, for the error.
 * @throws UserError when a part is no setting.
 */
export function policyOption(text: string, option: string): Record<string, unknown> {
  const [policy, ...parts] = text.split(",");
  const settings: Record<string, unknown> = { policy };
  for (const part of parts) {
    const [path, value] = part.split("=");
    if (path === undefined || path === "" || value === undefined || value === "") {
      throw new UserError(`${option}: found "${part}", expected name=value, as in kl-bound,bound=5`);
    }
    const names = path.split(".");
    const last = names.pop() as string;
    let inner = settings;
    for (const name of names) inner = (inner[name] ??= {}) as Record<string, unknown>;
    inner[last] = Number.isNaN(Number(value)) ? value : Number(value);
  }
  return settings;
}
