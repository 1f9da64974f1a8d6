import { relative, sep } from "node:path";
import { isInside } from "../files/path-guard.js";
import { LOCAL_OWNER, type Owner } from "./tokens.js";

/** Whose run has a folder: undefined where it is no run of the service. */
export type OwnerOf = (folderName: string) => Owner | undefined;

/** What clients' settings may name: what lies below the data roots, but for other owners' runs. */
export class ReadablePaths {
  readonly roots: readonly string[];
  readonly #runs: string;
  readonly #ownerOf: OwnerOf;

  /**
   * @param roots Folders that clients' paths must lie under, links followed; at least one.
   * @param runs Folder of the runs, links followed.
   */
  constructor(roots: readonly string[], runs: string, ownerOf: OwnerOf) {
    this.roots = roots;
    this.#runs = runs;
    this.#ownerOf = ownerOf;
  }

  /** Where relative paths start. */
  get base(): string {
    return this.roots[0] as string;
  }

  /** Whether the owner may read a path, its links followed. */
  mayRead(owner: Owner, path: string): boolean {
    const roots = this.roots.filter((root) => isInside(path, root));
    if (roots.length === 0) return false;
    // The operator offers data among the runs by naming them.
    if (roots.some((root) => root !== this.#runs && isInside(root, this.#runs))) return true;
    if (isInside(path, this.#runs)) return this.#mayReadRun(owner, relative(this.#runs, path).split(sep)[0] ?? "");
    return owner === LOCAL_OWNER || !isInside(this.#runs, path);
  }

  /** What the command line left among the runs is the local owner's. */
  #mayReadRun(owner: Owner, folderName: string): boolean {
    if (folderName === "" || folderName.startsWith(".")) return false;
    return (this.#ownerOf(folderName) ?? LOCAL_OWNER) === owner;
  }
}
