import { askSettings } from "../backend/ask-settings.js";
import type { ReadSettings } from "./read.js";
import { trainingJsonSchema } from "./training-schema.js";

/**
 * Has Python look at names of `training` that the schema lacks: a newer TRL may know them.
 *
 * @throws SettingsError that names every one which the installed versions do not know, with the nearest that they do.
 */
export async function requireTraining({ settings, refusal }: ReadSettings): Promise<void> {
  const { backend, training } = settings;
  const names = Object.keys(training).filter((name) => !Object.hasOwn(trainingJsonSchema.properties, name));
  const wrong = Object.entries(await askSettings(names, backend));
  if (wrong.length === 0) return;
  throw refusal(wrong.map(([name, description]) => ({ path: ["training", name], isName: true, description })));
}
