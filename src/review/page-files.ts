import { readFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { UserError } from "../errors.js";
import { PACKAGE_ROOT } from "../package-root.js";

/** A file that the page consists of. */
export interface PageFile {
  readonly type: string;
  readonly content: string;
}

/** The page's first module, from the build. */
export const PAGE_MODULE = "review/page/main.js";

const IMPORT = /^(?:import|export) [^;]*?from "(\.{1,2}\/[^"]+\.js)";$|^import "(\.{1,2}\/[^"]+\.js)";$/gm;

/**
 * Reads the page's modules: the first one, those that it imports, and so on; nothing else of the build is served.
 *
 * @param build - Folder of the build.
 * @returns Files by path within the build.
 * @throws UserError when the build lacks the page.
 */
export async function pageModules(build: string = join(PACKAGE_ROOT, "dist")): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  const waiting = [PAGE_MODULE];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    const content = await readFile(join(build, path), "utf8").catch((error: unknown) => {
      throw new UserError(`${join(build, path)} is missing: build with node scripts/setup.js`, {
        cause: error,
      });
    });
    files.set(path, { type: "text/javascript; charset=utf-8", content });
    for (const [, named, bare] of content.matchAll(IMPORT)) {
      waiting.push(posix.normalize(posix.join(dirname(path), (named ?? bare) as string)));
    }
  }
  return files;
}
