import { UserError } from "../errors.js";
import type { DescribeResponse } from "../generated/scpo/v1/trainer.js";
import { packageVersion } from "../package-root.js";

/** Raised, here and in scpo_trl/dialogue/protocol.py, when client and trainer must be changed together. */
export const PROTOCOL_VERSION = 3;

/**
 * Refuses a trainer that speaks another version of the contract.
 *
 * @param description What the trainer says of itself.
 * @param where For the message: "at host:port", "of /usr/bin/python3".
 * @throws UserError that names the side to update and how.
 */
export function checkProtocol(description: Versions, where: string): void {
  const problem = versionProblem(description, where);
  if (problem !== undefined) throw new UserError(problem);
}

type Versions = Pick<DescribeResponse, "protocolVersion" | "packageVersion">;

/** What is wrong with the version of the contract that a trainer speaks; undefined: nothing. */
export function versionProblem({ protocolVersion: found, packageVersion: theirs }: Versions, where: string) {
  if (found === PROTOCOL_VERSION) return undefined;
  const ours = `the npm package scpo ${packageVersion()}`;
  const mend =
    found < PROTOCOL_VERSION
      ? `the trainer is the older side: install the scpo-trl that comes with ${ours} there ` +
        `(pip install --upgrade scpo-trl), and start it again`
      : `${ours} is the older side: npm install scpo@latest`;
  return (
    `trainer ${where}: found protocol version ${found} (scpo-trl ${theirs}), expected ${PROTOCOL_VERSION} ` +
    `(${ours}): ${mend}`
  );
}
