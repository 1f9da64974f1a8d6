import { z } from "zod";
import { LOOPBACK_HOST, TCP_ADDRESS } from "../generated/rules.js";

const threads = z.int().min(1).default(1).describe("Threads of torch in each Python process");
const python = z
  .string()
  .min(1)
  .optional()
  .describe("Absolute path of a Python interpreter; default: $SCPO_PYTHON, else the one that the set-up made");

const embedded = z.strictObject({
  kind: z.literal("embedded").describe("A Python process inside this one's life, started through pythonia"),
  threads,
  python,
});

const launched = z
  .strictObject({
    kind: z.literal("launched").describe("Python processes of their own on this machine"),
    launcher: z.enum(["python", "accelerate", "torchrun"]).default("python").describe("What starts the processes"),
    processes: z.int().min(1).default(1).describe("Processes that train together, usually one a GPU"),
    threads,
    python,
    arguments: z.array(z.string()).default([]).describe("Further options of accelerate launch or torchrun"),
  })
  .refine(({ launcher, processes }) => launcher !== "python" || processes === 1, {
    path: ["processes"],
    error: "the launcher python starts one process: expected 1, or the launcher torchrun or accelerate",
  })
  .refine(({ launcher, arguments: options }) => launcher !== "python" || options.length === 0, {
    path: ["arguments"],
    error: "they go to accelerate launch or torchrun: expected none for the launcher python",
  });

const tls = z
  .strictObject({
    authority: z.string().min(1).optional().describe("PEM file of the authority that signed the server's certificate"),
    certificate: z.string().min(1).optional().describe("PEM file of this client's certificate, for mutual TLS"),
    key: z.string().min(1).optional().describe("PEM file of this client's private key, for mutual TLS"),
    name: z.string().min(1).optional().describe("Name in the server's certificate, where it differs from the address"),
  })
  .refine(({ certificate, key }) => (certificate === undefined) === (key === undefined), {
    path: ["key"],
    error: "mutual TLS needs both certificate and key: expected both or neither",
  });

const token = z.union([
  z.strictObject({ file: z.string().min(1).describe("File that holds the token") }),
  z.strictObject({ variable: z.string().min(1).describe("Environment variable that holds the token") }),
]);

const address = () =>
  z
    .string()
    .regex(
      new RegExp(`^unix:///.+$|${TCP_ADDRESS.pattern.source}`),
      `expected ${TCP_ADDRESS.expected}, or unix:///absolute/path`,
    );

const remote = z
  .strictObject({
    kind: z.literal("remote").describe("A trainer service that runs already, here or on another machine"),
    address: address().describe("host:port or unix:///absolute/path"),
    tls: tls.optional(),
    token: token.optional(),
    data: z
      .enum(["shared", "streamed"])
      .default("shared")
      .describe("shared: both sides see the same files under the same paths; streamed: files are sent by their hash"),
  })
  .refine(({ address, tls: encrypted }) => encrypted !== undefined || isLocalAddress(address), {
    path: ["tls"],
    error: "an address that is not of this machine needs TLS: expected tls with the authority of the server",
  });

const dialled = z
  .strictObject({
    kind: z.literal("dialled").describe("A training that somebody else started, whose SCPOTrainer dials this process"),
    listen: address().describe("host:port or unix:///absolute/path that trainings dial"),
    tls: z
      .strictObject({
        certificate: z.string().min(1).describe("PEM file of this side's certificate"),
        key: z.string().min(1).describe("PEM file of its private key, mode 0600"),
      })
      .optional(),
    token: token.optional(),
  })
  .refine(
    ({ listen, tls: encrypted, token: secret }) =>
      (encrypted !== undefined && secret !== undefined) || isLocalAddress(listen),
    {
      path: ["tls"],
      error:
        "an address that other machines reach needs TLS and a token: expected tls with certificate and key, and token",
    },
  );

/** How a Python trainer is obtained; the `backend` of a run's settings. Keys are the same in YAML and in TypeScript. */
export const backendSettings = z.discriminatedUnion("kind", [embedded, launched, remote, dialled]);

/** What a user writes: defaults may be left out. */
export type BackendInput = z.input<typeof backendSettings>;
/** How a Python trainer is obtained, every default filled in. */
export type BackendSettings = z.output<typeof backendSettings>;
export type LaunchedSettings = Extract<BackendSettings, { kind: "launched" }>;
export type DialledSettings = Extract<BackendSettings, { kind: "dialled" }>;
export type RemoteSettings = Extract<BackendSettings, { kind: "remote" }>;

/** Options of a gRPC channel: local traffic bypasses any proxy, whatever http_proxy says. */
export function proxyOptions(address: string): { "grpc.enable_http_proxy": 0 | 1 } {
  return { "grpc.enable_http_proxy": isLocalAddress(address) ? 0 : 1 };
}

/** True for Unix sockets and loopback, whose traffic never leaves the machine. */
export function isLocalAddress(address: string): boolean {
  if (address.startsWith("unix:")) return true;
  return LOOPBACK_HOST.pattern.test(address.slice(0, address.lastIndexOf(":")));
}
