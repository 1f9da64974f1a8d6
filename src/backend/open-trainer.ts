import { bootEmbedded } from "./embedded.js";
import { launch } from "./launched.js";
import { connectRemote } from "./remote.js";
import { UserError } from "../errors.js";
import type { BackendSettings } from "./settings.js";
import type { OpenTrainerOptions, Trainer } from "./trainer.js";

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
    case "dialled":
      throw new UserError(
        "backend.kind: found dialled, which serves the training of a run alone (scpo direct): take another backend here",
      );
  }
}

function given<K extends string>(name: K, value: string | undefined): Partial<Record<K, string>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, string>);
}
