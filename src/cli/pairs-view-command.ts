import { viewPairs } from "../review/view-pairs.js";

/** What `scpo pairs view` was given. */
export interface PairsViewOptions {
  readonly file: string;
  readonly decisions?: string;
  readonly port: number;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Offers the page until the command is stopped. */
export async function pairsView({ file, decisions, port, json, signal }: PairsViewOptions): Promise<void> {
  const view = await viewPairs({ pairs: file, decisions, port, signal });
  const { address, rows, decisionsPath } = view;
  const known = view.decisions === 0 ? "" : `; ${view.decisions} are there already`;
  process.stdout.write(
    json
      ? `${JSON.stringify({ address, rows, decisions: view.decisions, decisionsPath })}\n`
      : `${file}: ${rows} pairs\n${address}\n` +
          `Only someone who has this address can look and decide. Decisions go to ${decisionsPath}${known}. Ctrl-C ends.\n`,
  );
  await view.ended;
}
