// Generated from proto/rules.json. Do not edit.

/** What a text must be, whole. */
export interface TextRule {
  readonly pattern: RegExp;
  /** In words. */
  readonly expected: string;
}

/** What a number must be: finite and above a bound. */
export interface NumberRule {
  readonly above: number;
  /** In words. */
  readonly expected: string;
}

/** Names of runs are names of folders. */
export const RUN_ID: TextRule = {
  pattern: new RegExp("^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99})$"),
  expected: "1 to 100 letters, digits, points, hyphens or underscores, a letter or digit first",
};

/** Names of checkpoints are names of folders. */
export const CHECKPOINT_NAME: TextRule = {
  pattern: new RegExp("^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99})$"),
  expected: "1 to 100 letters, digits, points, hyphens or underscores, a letter or digit first",
};

/** Hash of a file's content. */
export const SHA256: TextRule = {
  pattern: new RegExp("^(?:[0-9a-f]{64})$"),
  expected: "64 lower-case hexadecimal digits",
};

/** A secret that travels in a header. */
export const TOKEN: TextRule = {
  pattern: new RegExp("^(?:[\\x21-\\x7e]{32,})$"),
  expected: "32 or more printable ASCII characters without blanks, such as `openssl rand -hex 32` gives",
};

/** Where a service listens on the network or is reached. */
export const TCP_ADDRESS: TextRule = {
  pattern: new RegExp("^(?:(?:\\[[0-9A-Fa-f:.]+\\]|[^:/\\s\\[\\]]+):(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))$"),
  expected: "HOST:PORT such as 127.0.0.1:50051, or [IPv6]:PORT",
};

/** Hosts that other machines do not reach. */
export const LOOPBACK_HOST: TextRule = {
  pattern: new RegExp("^(?:localhost|\\[?::1\\]?|127(?:\\.(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3})$"),
  expected: "localhost, ::1 or an address of 127.0.0.0/8",
};

/** Pixels of an image; decoded, it takes up to eight bytes for each. */
export const LARGEST_IMAGE = 64000000;

/** Times that a side of an image may be as long as the other: a processor that scales the shorter side makes a strip huge. */
export const LONGEST_STRIP = 200;

/** Bytes of a Unix socket's path; systems allow 104 or 108 with the final zero byte. */
export const LONGEST_SOCKET_PATH = 100;

/** Bytes of a client's path; what systems take, with room for what is written below. */
export const LONGEST_PATH = 4000;

/** Bytes of a name in a client's path. */
export const LONGEST_PATH_PART = 255;

/** Names in a client's path. */
export const MOST_PATH_PARTS = 200;

/** Peak of a stage's learning rate. */
export const LEARNING_RATE: NumberRule = { above: 0, expected: "a number above 0" };

/** Whether a number follows a rule. */
export function isAllowed(value: number, rule: NumberRule): boolean {
  return Number.isFinite(value) && value > rule.above;
}
