import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeAtomically } from "../../files/write-atomically.js";
import { imageFault } from "../image-bytes.js";
import type { RowWithTexts } from "./making-row.js";
import { makeFolder } from "../../files/writable.js";

/** Edits a row's image so that the row's rejected text becomes true. */
export interface ImageEditor {
  /**
   * @param image - Bytes of its file.
   * @param row - With both texts.
   * @returns Bytes of the edited image, or what went wrong with this row.
   * @throws UserError when no row can be edited.
   */
  edit(image: Uint8Array, row: RowWithTexts): Promise<Uint8Array | string>;
}

/**
 * Edits an image, or takes what came of the same before.
 *
 * @param cache - Folder where edited images are kept, by content.
 * @param who - Names the editor to the user, for example "the editing command".
 * @param asked - The image, and all else that the result depends on.
 * @param make - Edits it: an image, or what went wrong.
 * @returns Bytes of the edited image, or what is wrong with it.
 */
export async function editedOnce(
  cache: string,
  who: string,
  asked: { readonly image: Uint8Array; readonly by: readonly unknown[] },
  make: () => Promise<Uint8Array | string>,
): Promise<Uint8Array | string> {
  const identity = createHash("sha256").update(JSON.stringify(asked.by)).update(asked.image).digest("hex");
  const kept = join(cache, identity.slice(0, 2), `${identity}.png`);
  const known = await readFile(kept).catch(() => undefined);
  if (known !== undefined && imageFault(known) === null) return known;
  const edited = await make();
  if (typeof edited === "string") return edited;
  const fault = imageFault(edited);
  if (fault !== null) return `${who}'s picture ${fault}`;
  if (Buffer.compare(edited, asked.image) === 0) return `${who} changed nothing`;
  await makeFolder(dirname(kept));
  await writeAtomically(kept, edited);
  return edited;
}

/**
 * Says in a sentence how an image has to change for the rejected text to become true.
 *
 * @param row - With both texts.
 */
export function instructionOf({ kind, chosen, rejected, chosenWord, rejectedWord }: RowWithTexts): string {
  if (chosenWord !== null && rejectedWord !== null && kind !== "relation" && kind !== "position") {
    return `Replace "${chosenWord}" with "${rejectedWord}", so that the picture shows: ${rejected}`;
  }
  if (chosenWord === null && rejectedWord !== null)
    return `Add "${rejectedWord}", so that the picture shows: ${rejected}`;
  if (chosenWord !== null && rejectedWord === null) {
    return `Remove "${chosenWord}", so that the picture shows: ${rejected}`;
  }
  return `Change the picture from "${chosen}" to "${rejected}"`;
}
