import { cachedModel, HUB_SCHEME, hubCache, hubModel, isOffline } from "../files/hub-model.js";
import type { LocatedProblem } from "./problems.js";
import type { CheckedRunSettings } from "./schema.js";

/**
 * Looks at how the model is named, in settings whose paths are absolute.
 *
 * @param settings - Nothing is supposed of their shape, which others check.
 */
export function modelProblems(settings: unknown): LocatedProblem[] {
  const { model, training } = (settings ?? {}) as { model?: unknown; training?: { model_revision?: unknown } };
  if (typeof model !== "string") return [];
  const named = hubModel(model);
  if (named === null && model.startsWith(HUB_SCHEME)) {
    const description = `found ${JSON.stringify(model)}, expected ${HUB_SCHEME}owner/name or ${HUB_SCHEME}owner/name@revision`;
    return [{ path: ["model"], isName: false, description }];
  }
  const revision = training?.model_revision;
  const has = named === null ? "a folder has no revisions: leave it out" : `model says ${named.revision}: say it once`;
  if (typeof revision !== "string" || revision === (named?.revision ?? (named === null ? "main" : revision))) return [];
  const description = `found ${JSON.stringify(revision)}, but ${has}`;
  return [{ path: ["training", "model_revision"], isName: false, description }];
}

/** The model of a run as a trainer is asked for it. */
export function askedModel({ model, training }: CheckedRunSettings): { model: string; revision: string | undefined } {
  const named = hubModel(model);
  if (named === null) return { model, revision: undefined };
  return { model: named.name, revision: named.revision ?? (training["model_revision"] as string | undefined) };
}

/**
 * What a run has from the Hugging Face hub, in a line for people; undefined: nothing.
 *
 * @param settings - Checked.
 */
export function hubLine(settings: CheckedRunSettings): string | undefined {
  const { model, revision } = askedModel(settings);
  if (hubModel(settings.model) === null) return undefined;
  const name = `${model}${revision === undefined ? "" : ` at ${revision}`}`;
  if (settings.backend.kind === "remote") return `model: the trainer's machine takes ${name} from the Hugging Face hub`;
  const folder = cachedModel({ name: model, revision });
  if (folder !== undefined) return `model: ${name} lies in the hub's cache: ${folder}`;
  return (
    `model: ${name} is not in ${hubCache()}: its settings, processor and .safetensors are fetched from the Hugging Face ` +
    "hub when the training begins"
  );
}

/** Says that a model of the hub is not here and may not be fetched. */
export function offlineProblems(settings: CheckedRunSettings): LocatedProblem[] {
  const { model, revision } = askedModel(settings);
  const isHere = settings.backend.kind !== "remote" && settings.backend.kind !== "dialled";
  if (!isHere || hubModel(settings.model) === null || !isOffline()) return [];
  if (cachedModel({ name: model, revision }) !== undefined) return [];
  const download = `hf download ${model}${revision === undefined ? "" : ` --revision ${revision}`}`;
  const description = `${model} is not in ${hubCache()}, and HF_HUB_OFFLINE forbids to fetch it: unset that, or ${download}`;
  return [{ path: ["model"], isName: false, description }];
}
