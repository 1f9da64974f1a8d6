import { createHash } from "node:crypto";
import { invalid } from "./faults.js";

/** Of each owner: another's calls make nobody's be forgotten. */
const remembered = 10_000;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface Answered<T> {
  readonly digest: string;
  readonly answer: Promise<T>;
}

/** Answers a request that is sent twice with the same id once, and gives the same answer again (AIP-155). */
export class IdempotentRequests {
  readonly #answered = new Map<string, Map<string, Answered<unknown>>>();

  /**
   * @param owner Ids of different owners are different.
   * @param requestId A UUID; empty: the request is always carried out.
   * @param content What must be the same for it to be the same request.
   * @param act Carries it out; a failure is not remembered.
   * @throws RichServerError INVALID_ARGUMENT for an id that is no UUID, or one that another request used.
   */
  async once<T>(owner: string, requestId: string, content: unknown, act: () => Promise<T>): Promise<T> {
    if (requestId === "") return act();
    if (!uuid.test(requestId)) {
      throw invalid({ field: "request_id", description: `found "${requestId.slice(0, 80)}", expected a UUID` });
    }
    const key = requestId.toLowerCase();
    const answered = this.#of(owner);
    const digest = requestDigest(content);
    const earlier = answered.get(key) as Answered<T> | undefined;
    if (earlier !== undefined) {
      if (earlier.digest === digest) return earlier.answer;
      throw invalid({ field: "request_id", description: "was used for another request, expected a new UUID" });
    }
    const answer = act();
    answered.set(key, { digest, answer });
    answer.catch(() => answered.delete(key));
    if (answered.size > remembered) answered.delete(answered.keys().next().value as string);
    return answer;
  }

  /** Remembers a request of an earlier life of the service, whose digest was kept with its answer. */
  recall(owner: string, request: { readonly id: string; readonly digest: string }, answer: unknown): void {
    const { id, digest } = request;
    if (id !== "") this.#of(owner).set(id.toLowerCase(), { digest, answer: Promise.resolve(answer) });
  }

  #of(owner: string): Map<string, Answered<unknown>> {
    const found = this.#answered.get(owner) ?? new Map<string, Answered<unknown>>();
    this.#answered.set(owner, found);
    return found;
  }
}

/** Tells a request from others. */
export function requestDigest(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
