import { MultiBar, Presets, type SingleBar } from "cli-progress";
import { inLines } from "../one-line.js";

/** On a pipe or in a log, a task says where it is at most this often, and whenever its phase changes. */
const PLAIN_MILLISECONDS = 5000;

/** Shows how far several tasks are at once. */
export interface Progress {
  /** A task is at `done` of `total` of a phase. */
  update(task: string, phase: string, done: number, total: number): void;
  /** A task has ended. */
  finish(task: string, summary: string): void;
  /** Says something beside the bars, such as that a trainer was started again. */
  note(text: string): void;
  /** Takes the bars away; nothing is shown after this. */
  close(): void;
}

/** Bars on a terminal, plain lines elsewhere; both on the error stream, so that the output stays clean. */
export function showProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  return stream.isTTY ? showBars(stream) : showLines(stream);
}

function showBars(stream: NodeJS.WriteStream): Progress {
  const bars = new MultiBar(
    {
      stream,
      format: "{task} [{bar}] {value}/{total} {phase}",
      clearOnComplete: false,
      hideCursor: true,
      forceRedraw: true,
    },
    Presets.legacy,
  );
  const open = new Map<string, SingleBar>();
  let closed = false;
  return {
    update(task, phase, done, total) {
      let bar = open.get(task);
      if (bar === undefined) {
        bar = bars.create(total, done, { task: task.padEnd(16), phase });
        open.set(task, bar);
      }
      bar.setTotal(total);
      bar.update(done, { phase });
    },
    finish(task, summary) {
      const bar = open.get(task);
      if (bar !== undefined) {
        bar.update(bar.getTotal(), { phase: summary });
        bar.stop();
      }
    },
    // A bar redraws itself over what is written past it.
    note: (text) => (open.size > 0 ? bars.log(`${inLines(text)}\n`) : void stream.write(`${inLines(text)}\n`)),
    close() {
      // Stopping draws the bars a last time; once is enough.
      if (!closed) bars.stop();
      closed = true;
    },
  };
}

function showLines(stream: NodeJS.WriteStream): Progress {
  const last = new Map<string, { phase: string; at: number }>();
  return {
    update(task, phase, done, total) {
      const before = last.get(task);
      const now = Date.now();
      if (before?.phase === phase && now - before.at < PLAIN_MILLISECONDS) return;
      last.set(task, { phase, at: now });
      stream.write(`${task}: ${phase} ${done}/${total}\n`);
    },
    finish: (task, summary) => void stream.write(`${task}: ${summary}\n`),
    note: (text) => void stream.write(`${inLines(text)}\n`),
    close: () => undefined,
  };
}
