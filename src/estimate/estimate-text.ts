import { FRAGMENTED, RESERVED, type Estimate, type EstimatedChange } from "./estimate.js";

const gibibytes = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const millions = (count: number): string =>
  count >= 1e9 ? `${(count / 1e9).toFixed(2)} billion` : `${(count / 1e6).toFixed(2)} million`;

function span(hours: number): string {
  if (hours >= 1) return `${hours.toFixed(1)} hours`;
  return hours >= 1 / 60 ? `${(hours * 60).toFixed(0)} minutes` : `${(hours * 3600).toFixed(0)} seconds`;
}

/**
 * An estimate for people.
 *
 * @param estimate - What was counted.
 * @param efficiency - Share of the card's operations that was assumed.
 */
export function estimateText(estimate: Estimate, efficiency: number): string {
  const { answer, card, needed, fits, steps, time, processes, shards } = estimate;
  const { model, memory, host, tokens } = answer;
  const passes = model.autocast_dtype || model.weights_dtype;
  const parts = Object.entries(memory.parts).sort(([, one], [, other]) => other - one);
  const rows: [string, string][] = parts.map(([name, bytes]) => [name, gibibytes(bytes)]);
  if (card !== undefined) rows.push(["driver, kernels and gaps (assumed)", gibibytes(needed - memory.total)]);
  rows.push(["together", gibibytes(needed)]);
  const each =
    processes > 1 ? `each of ${processes} GPUs${shards > 1 ? `, weights shared among ${shards}` : ""}` : "one GPU";
  const lines = [
    `${model.architecture}: ${millions(model.parameters)} parameters, ${millions(model.trained)} trained; weights ` +
      `under training ${model.weights_dtype}, passes in ${passes}, gradient checkpointing ` +
      `${model.gradient_checkpointing ? "on" : "off"}; savings: ${model.savings}`,
    `longest sequence ${tokens.longest} tokens, of ${tokens.looked_at} rows that were looked at closely of ${tokens.rows}`,
    "",
    `memory of ${card === undefined ? "the CPU" : each}, at its peak (${memory.moment}):`,
    ...columns(rows),
    "in the host's memory:",
    ...columns(Object.entries(host).map(([name, bytes]) => [name, gibibytes(bytes)])),
    "",
    card === undefined
      ? "time and cost: name a --gpu, or --memory and --flops"
      : `${card.name}, ${gibibytes(card.memory)}: ${fits === true ? "fits" : "does NOT fit"}`,
  ];
  if (time !== undefined) {
    const cost = time.cost === undefined ? "" : `, ${time.cost.toFixed(2)} at the price that was given`;
    lines.push(
      `${time.secondsPerStep.toPrecision(3)} s a step, ${steps} steps; with the tables of the reference ` +
        `(${span(time.tableHours)}) ${span(time.hours)}${cost}`,
      `(assumed: ${efficiency * 100} % of the card's operations, pictures decoded in time, ${FRAGMENTED * 100} % lost between ` +
        `blocks, ${gibibytes(RESERVED)} for driver and kernels)`,
    );
  }
  if (estimate.changes.length > 0) {
    lines.push("", "what each change alone would take:", ...columns(estimate.changes.map(changeRow)));
  }
  if (estimate.together.length > 0) {
    const reached = estimate.together.some((change) => change.fits === true);
    const title = reached ? "one on top of the other, until it fits:" : "one on top of the other (it never fits):";
    lines.push(title, ...columns(estimate.together.map(changeRow)));
  }
  return `${lines.join("\n")}\n`;
}

function changeRow({ words, needed, fits, error }: EstimatedChange): [string, string] {
  if (needed === undefined) return [words, `cannot be had: ${error ?? ""}`];
  return [words, `${gibibytes(needed)}${fits === true ? ", fits" : ""}`];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  const isNumber = rows.every(([, text]) => /^[\d.]+ \w+$/.test(text));
  const room = isNumber ? Math.max(...rows.map(([, text]) => text.length)) : 0;
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text.padStart(room)}`);
}
