import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import type { RowWithTexts } from "./making-row.js";
import { editedOnce, instructionOf, type ImageEditor } from "./image-editor.js";

const PLACES = ["{in}", "{out}", "{instruction}"] as const;
/** Milliseconds that one image may take. */
const LONGEST = 600_000;

/** A user's own program that edits images; what it made is kept and not made again. */
export class EditingCommand implements ImageEditor {
  readonly #words: readonly string[];
  readonly #cache: string;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param options.words - Program and arguments; `{in}`, `{out}` and `{instruction}` stand for the paths of the image
   *   and of the PNG file to write, and for what to change. It is run without a shell.
   * @param options.cache - Folder where edited images are kept.
   * @throws UserError when `{in}` or `{out}` is missing.
   */
  constructor(options: { words: readonly string[]; cache: string; signal?: AbortSignal | undefined }) {
    const { words } = options;
    for (const place of PLACES.slice(0, 2)) {
      if (words.slice(1).some((word) => word.includes(place))) continue;
      throw new UserError(
        `--edit-command is ${JSON.stringify(words.join(" "))}, which lacks ${place}; expected a program and arguments ` +
          "such as: edit.py {in} {out} {instruction}",
      );
    }
    this.#words = words;
    this.#cache = options.cache;
    this.#signal = options.signal;
  }

  /** See {@link ImageEditor.edit}; throws when the program cannot be started. */
  edit(image: Uint8Array, row: RowWithTexts): Promise<Uint8Array | string> {
    const instruction = instructionOf(row);
    const asked = { image, by: [this.#words, instruction] };
    return editedOnce(this.#cache, "the editing command", asked, async () => {
      const folder = await mkdtemp(join(tmpdir(), "scpo-edit-"));
      try {
        const [input, output] = [join(folder, "in.png"), join(folder, "out.png")];
        await writeFile(input, image);
        const values = { "{in}": input, "{out}": output, "{instruction}": instruction };
        const words = this.#words.map((word) =>
          word.replaceAll(/\{(?:in|out|instruction)\}/g, (place) => values[place as keyof typeof values]),
        );
        const failure = await this.#run(words);
        if (failure !== undefined) return failure;
        return await readFile(output).catch(() => "the editing command wrote no picture to {out}");
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }

  #run([program, ...args]: readonly string[]): Promise<string | undefined> {
    const deadline = AbortSignal.timeout(LONGEST);
    return new Promise((resolve, reject) => {
      const child = spawn(program as string, args, {
        stdio: ["ignore", "ignore", "pipe"],
        // The option "timeout" would keep this process alive where the program cannot be started.
        signal: AbortSignal.any([deadline, ...(this.#signal === undefined ? [] : [this.#signal])]),
      });
      let said = "";
      child.stderr.on("data", (piece: Buffer) => (said = (said + piece.toString()).slice(-2000)));
      child.on("error", (error: NodeJS.ErrnoException) => {
        if (this.#signal?.aborted === true) reject(this.#signal.reason as Error);
        else if (deadline.aborted) resolve(`the editing command took longer than ${LONGEST / 60_000} minutes`);
        else reject(new UserError(`--edit-command: ${program} cannot be started (${error.code ?? error.message})`));
      });
      child.on("close", (code, signal) => {
        if (code === 0) resolve(undefined);
        else resolve(`the editing command ended with ${signal ?? code}: ${said.trim().split("\n").at(-1) ?? ""}`);
      });
    });
  }
}
