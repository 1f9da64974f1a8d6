import { createHash, timingSafeEqual } from "node:crypto";
import { UserError } from "../errors.js";
import { TOKEN } from "../generated/rules.js";
import { readPrivate } from "../backend/listen.js";

/** Who a client is: the name of its token, or `local` where no tokens are asked for. */
export type Owner = string;

/** The owner of what is done without tokens. */
export const LOCAL_OWNER: Owner = "local";

/** Tells whose token a client shows. */
export class Tokens {
  readonly #digests: readonly { owner: Owner; digest: Buffer }[];

  private constructor(digests: readonly { owner: Owner; digest: Buffer }[]) {
    this.#digests = digests;
  }

  /**
   * Reads tokens: a line each, `owner:token`, or a token alone for `local`; blank lines and those that begin with # are
   * passed over.
   *
   * @param path File that only its owner may read.
   * @throws UserError when there is none, or one is too short to be a secret, or two are the same.
   */
  static read(path: string): Tokens {
    const digests: { owner: Owner; digest: Buffer }[] = [];
    for (const [at, text] of readPrivate(path, "--token-file").split("\n").entries()) {
      const line = text.trim();
      if (line === "" || line.startsWith("#")) continue;
      const { owner, token } = /^(?:(?<owner>[^:]*):)?(?<token>[\x21-\x7e]+)$/.exec(line)?.groups ?? {};
      if (token === undefined || !TOKEN.pattern.test(token)) {
        throw new UserError(`--token-file: ${path}, line ${at + 1}: expected owner:token, the token ${TOKEN.expected}`);
      }
      // The name of a run's folder ends with its owner's.
      if (owner !== undefined && !/^[a-z][a-z0-9-]{0,35}$/.test(owner)) {
        throw new UserError(
          `--token-file: ${path}, line ${at + 1}: expected an owner of 1 to 36 of a-z, 0-9 and "-", beginning with a ` +
            "letter: mend what stands before the colon",
        );
      }
      const digest = digestOf(token);
      if (digests.some((other) => other.digest.equals(digest))) {
        throw new UserError(`--token-file: ${path}, line ${at + 1}: found a token twice, expected each once`);
      }
      digests.push({ owner: owner ?? LOCAL_OWNER, digest });
    }
    if (digests.length === 0) throw new UserError(`--token-file: ${path} holds no token; add a line owner:token`);
    return new Tokens(digests);
  }

  /**
   * Whose token the header shows, in time that does not depend on the token.
   *
   * @param header Value of `authorization`: `Bearer` and a token.
   * @returns undefined for no token or a wrong one.
   */
  ownerOf(header: string | undefined): Owner | undefined {
    const shown = digestOf(/^Bearer (.+)$/i.exec(header ?? "")?.[1] ?? "");
    let owner: Owner | undefined;
    for (const known of this.#digests) if (timingSafeEqual(known.digest, shown)) owner = known.owner;
    return owner;
  }
}

/** Digests have one length, whatever the token's. */
function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
