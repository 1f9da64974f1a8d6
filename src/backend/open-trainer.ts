import { bootEmbedded } from "./embedded.js";
import { launch } from "./launched.js";
import { connectRemote } from "./remote.js";
import type { BackendSettings } from "./settings.js";
import type { Trainer } from "./trainer.js";

/** What every backend needs beside its settings. */
export interface OpenTrainerOptions {
  /** Existing folders under which every file lies that the trainer may read or write; a remote trainer has its own. */
  roots: string[];
  /** File for everything that Python prints; emptied at the start. */
  logPath: string;
  /** Gives up waiting for the trainer and ends what was started. */
  signal?: AbortSignal;
}

/**
 * Obtains a Python trainer: starts it here or connects to it, waits until it answers, and refuses one that speaks
 * another version of the contract.
 *
 * @returns The trainer; `stop` ends what was started, or leaves a remote trainer as it is.
 * @throws UserError for a mistake in the settings or a version that does not fit; TrainerExitedError when Python dies
 *   meanwhile; AbortError when the signal comes first.
 */
export async function openTrainer(settings: BackendSettings, options: OpenTrainerOptions): Promise<Trainer> {
  options.signal?.throwIfAborted();
  switch (settings.kind) {
    case "embedded":
      return bootEmbedded({ ...options, threads: settings.threads, ...given("python", settings.python) });
    case "launched":
      return launch(settings, options);
    case "remote":
      return connectRemote(settings, options);
  }
}

function given<K extends string>(name: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, string>);
}
