import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ModelLoading } from "../evaluation/run/run-benchmark.js";
import { ADAPTER_SETTINGS, modelRoots } from "../run/model-roots.js";
import { askedModel } from "./model-problems.js";
import type { NamedRunSettings } from "./read.js";
import { EMBEDDED_MODEL } from "./schema.js";
import { carried } from "./training-schema.js";

/** How the models that a run saved are loaded again. */
export interface LoadedAs {
  /** Folders that the trainer reads beside the model's own. */
  readonly roots: readonly string[];
  /** @param model - Folder of a model that the run saved. */
  readonly loading: (model: string) => ModelLoading;
}

/** A whole model is loaded as it was saved; the base under an adapter as it was trained under, such as in 4 bits. */
export function loadedAs(settings: NamedRunSettings): LoadedAs {
  const { model } = askedModel(settings);
  // The adapter's folder says what its base is.
  const { model_revision: _, ...training } = carried(settings.training);
  const trustRemoteCode = training["trust_remote_code"] === true;
  return {
    roots: model === EMBEDDED_MODEL ? [] : modelRoots(model),
    loading: (folder) => ({
      trustRemoteCode,
      settings: existsSync(join(folder, ADAPTER_SETTINGS)) ? JSON.stringify(training) : "",
    }),
  };
}
