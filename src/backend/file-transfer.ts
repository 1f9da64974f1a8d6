import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import type { CallOptions } from "nice-grpc";
import { randomUUID } from "node:crypto";
import type { FileServiceClient, FolderFile, UploadFileRequest } from "../generated/scpo/v1/files.js";
import { sha256File } from "../files/sha256.js";
import { makeFolder } from "../files/writable.js";

const chunkBytes = 1024 * 1024;

/** Carries files to and from a trainer that shares no disk with this machine; a file that is there is not sent again. */
export class FileTransfer {
  readonly #client: FileServiceClient;

  constructor(client: FileServiceClient) {
    this.#client = client;
  }

  /**
   * Sends a file, or the rest of one whose upload was interrupted.
   *
   * @returns Its path where the trainer runs.
   */
  async upload(path: string, options: CallOptions = {}): Promise<string> {
    const sha256 = await sha256File(path);
    const { path: there, received } = await this.#client.findUpload({ sha256 }, options);
    if (there !== "") return there;
    const { size } = await stat(path);
    const requests = uploadRequests(path, sha256, size, Math.min(received, size));
    return (await this.#client.uploadFile(requests, options)).path;
  }

  /**
   * Sends a folder without its hidden files.
   *
   * @param target Destination; empty: chosen by its content.
   * @returns Its path where the trainer runs.
   */
  async uploadFolder(path: string, target = "", options: CallOptions = {}): Promise<string> {
    const files: FolderFile[] = await localFiles(path);
    if (target !== "" && (await this.#isThere(target, files, options))) return target;
    for (const file of files) await this.upload(join(path, file.path), options);
    return (await this.#client.placeFolder({ files, path: target }, options)).path;
  }

  /** Brings a folder home: complete and as it is there, or not at all; a folder of that name is replaced. */
  async download(remote: string, local: string, options: CallOptions = {}): Promise<void> {
    const { files } = await this.#client.listFolder({ path: remote }, options);
    const temporary = `${local}.${randomUUID()}.tmp`;
    try {
      for (const file of files) {
        const target = join(temporary, file.path);
        if (relative(temporary, target).startsWith(".."))
          throw new Error(`The trainer named ${file.path} in a folder.`);
        await makeFolder(dirname(target));
        await this.#downloadFile(`${remote}/${file.path}`, target, file.sha256, options);
      }
      await rm(local, { recursive: true, force: true });
      await rename(temporary, local);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  }

  /** Removes a folder of a training where the trainer runs. */
  async remove(remote: string, options: CallOptions = {}): Promise<void> {
    await this.#client.removeFolder({ path: remote }, options);
  }

  async #downloadFile(remote: string, target: string, sha256: string, options: CallOptions): Promise<void> {
    const hash = createHash("sha256");
    const responses = this.#client.downloadFile({ path: remote }, options);
    async function* chunks() {
      for await (const { chunk } of responses) {
        hash.update(chunk);
        yield chunk;
      }
    }
    await pipeline(chunks, createWriteStream(target, { flush: true }));
    const found = hash.digest("hex");
    if (found !== sha256) throw new Error(`${remote} came with the SHA-256 ${found}, expected ${sha256}.`);
  }

  async #isThere(target: string, files: FolderFile[], options: CallOptions): Promise<boolean> {
    const found = await this.#client.listFolder({ path: target }, options).catch(() => ({ files: [] }));
    const name = ({ path, sha256 }: FolderFile) => `${path} ${sha256}`;
    return found.files.map(name).sort().join("\n") === files.map(name).sort().join("\n");
  }
}

async function* uploadRequests(
  path: string,
  sha256: string,
  size: number,
  offset: number,
): AsyncGenerator<Pick<UploadFileRequest, "request">> {
  yield { request: { $case: "start", value: { sha256, size, offset } } };
  for await (const chunk of createReadStream(path, { start: offset, highWaterMark: chunkBytes })) {
    yield { request: { $case: "chunk", value: chunk as Buffer } };
  }
}

async function localFiles(folder: string): Promise<FolderFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split("/").some((part) => part.startsWith(".")));
  return Promise.all(
    paths.sort().map(async (path) => {
      const [{ size }, sha256] = await Promise.all([stat(join(folder, path)), sha256File(join(folder, path))]);
      return { path, size, sha256 };
    }),
  );
}
