import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** A model on the Hugging Face hub. */
export interface HubModel {
  /** `owner/name`. */
  readonly name: string;
  /** Branch, tag or commit; undefined: the branch main. */
  readonly revision: string | undefined;
}

/** How a name is written that is certainly none of a folder. */
export const HUB_SCHEME = "hf://";

const PART = String.raw`[\w-][\w.-]{0,95}`;
const NAME = new RegExp(`^(?:${HUB_SCHEME})?(${PART}/${PART})(?:@([\\w-][\\w./-]{0,255}))?$`);

/** What `owner/name` or `owner/name@revision` names, with `hf://` before it or not; null: it has not that form. */
export function hubModel(text: string): HubModel | null {
  const [, name, revision] = NAME.exec(text) ?? [];
  return name === undefined ? null : { name, revision };
}

/** The name as no folder is called. */
export function hubAddress({ name, revision }: HubModel): string {
  return `${HUB_SCHEME}${name}${revision === undefined ? "" : `@${revision}`}`;
}

/**
 * The folder of a model in the hub's cache on this machine; undefined: it would have to be fetched.
 *
 * @param environment - Says where the cache lies.
 */
export function cachedModel(
  { name, revision = "main" }: HubModel,
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const folder = join(hubCache(environment), `models--${name.replace("/", "--")}`);
  const reference = join(folder, "refs", revision);
  const commit = existsSync(reference) ? readFileSync(reference, "utf8").trim() : revision;
  const snapshot = join(folder, "snapshots", commit);
  return existsSync(join(snapshot, "config.json")) || existsSync(join(snapshot, "adapter_config.json"))
    ? snapshot
    : undefined;
}

/** Where the hub's clients keep what they fetched. */
// https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
export function hubCache(environment: NodeJS.ProcessEnv = process.env): string {
  const { HF_HUB_CACHE: hub, HF_HOME: home, XDG_CACHE_HOME: cache } = environment;
  return resolve(hub ?? join(home ?? join(cache ?? join(homedir(), ".cache"), "huggingface"), "hub"));
}

/** Whether the hub's clients are told to fetch nothing. */
export function isOffline({ HF_HUB_OFFLINE: offline = "" }: NodeJS.ProcessEnv = process.env): boolean {
  return ["1", "ON", "YES", "TRUE"].includes(offline.toUpperCase());
}
