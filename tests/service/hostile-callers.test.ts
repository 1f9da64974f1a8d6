import type { DescMethod } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { expect } from "chai";
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Status } from "nice-grpc";
import { findPython, pythonPath } from "../../src/backend/python.js";
import { ListRunsResponse, WatchRunRequest } from "../../src/generated/scpo/v1/run.js";
import { connectRuns, type RunServiceConnection } from "../../src/service/client.js";
import { serve, type ServingRuns } from "../../src/service/serve.js";
import { methodsOf } from "../fixtures/random-messages.js";
import { failureOf, fieldsOf, hostileFolder, tinySettings } from "../fixtures/service.js";

const tokens = { alice: "a".repeat(40), bob: "b".repeat(40) };
const STREAMS = 40;

describe("service of runs against callers who", function () {
  this.timeout(60_000);
  let folder: string;
  let service: ServingRuns;
  let alice: RunServiceConnection;
  let bob: RunServiceConnection;
  let raw: Client;

  before(async () => {
    const { data, tokenFile, ...made } = hostileFolder(tokens);
    folder = made.folder;
    const limits = { streams: STREAMS };
    const options = { runs: join(folder, "runs"), data: [data], listen: "127.0.0.1:0", parallel: 0 };
    service = await serve({ ...options, tokenFile, limits });
    alice = connectRuns(service.address, { token: tokens.alice });
    bob = connectRuns(service.address, { token: tokens.bob });
    raw = new Client(service.address, credentials.createInsecure());
    await alice.runs.createRun({ settings: tinySettings(), runId: "hers" });
    await bob.runs.createRun({ settings: tinySettings(), runId: "his" });
  });
  after(async () => {
    raw.close();
    alice.close();
    bob.close();
    await service.drain();
    rmSync(folder, { recursive: true, force: true });
  });

  const method = (name: string) =>
    methodsOf("scpo.v1.RunService").find((candidate) => candidate.name === name) as DescMethod;
  const pathOf = ({ parent, name }: DescMethod) => `/${parent.typeName}/${name}`;
  const same = (bytes: Buffer) => bytes;

  for (const number of [NaN, Infinity, -Infinity, -1]) {
    it(`send ${number} for a number hear which field it is`, async () => {
      for (const [field, settings] of Object.entries({
        "settings.seed": tinySettings({ seed: number }),
        "settings.training.per_device_train_batch_size": tinySettings({
          training: { ...(tinySettings()["training"] as object), per_device_train_batch_size: number },
        }),
        "settings.checkpoints.every_steps": tinySettings({ checkpoints: { every_steps: number } }),
      })) {
        const refused = await failureOf(alice.runs.createRun({ settings, runId: "numbers", validateOnly: true }));
        expect(refused.code, field).to.equal(Status.INVALID_ARGUMENT);
        expect(fieldsOf(refused), field).to.deep.equal([field]);
      }
    });
  }

  it("send several headers of tokens are whom the first names, or nobody", async () => {
    // Node sends no such header twice; Python does.
    const program = [
      "import sys, grpc",
      "from scpo.v1 import run_pb2, run_pb2_grpc",
      "for tokens in sys.argv[2:]:",
      "    metadata = [('authorization', f'Bearer {token}') for token in tokens.split(',')]",
      "    stub = run_pb2_grpc.RunServiceStub(grpc.insecure_channel(sys.argv[1]))",
      "    try: print([run.name for run in stub.ListRuns(run_pb2.ListRunsRequest(), metadata=metadata).runs])",
      "    except grpc.RpcError as error: print(error.code().name)",
    ].join("\n");
    const wrong = "c".repeat(40);
    const shown = [
      [tokens.alice, tokens.bob],
      [tokens.alice, wrong],
      [wrong, tokens.alice],
    ];
    const { stdout } = await promisify(execFile)(
      findPython(),
      ["-c", program, service.address, ...shown.map((several) => several.join(","))],
      { env: { ...process.env, PYTHONPATH: pythonPath() } },
    );
    expect(stdout.trim().split("\n")).to.deep.equal(["['runs/hers']", "['runs/hers']", "UNAUTHENTICATED"]);
  });

  it("show several tokens in one header are nobody", async () => {
    const list = async (header: string) => {
      const metadata = new Metadata();
      metadata.add("authorization", header);
      const method_ = pathOf(method("ListRuns"));
      return new Promise<{ code: Status; names: string[] }>((resolve) =>
        raw.makeUnaryRequest(method_, same, same, Buffer.alloc(0), metadata, (error, response) => {
          const { runs } = ListRunsResponse.decode(response ?? Buffer.alloc(0));
          resolve({ code: error?.code ?? Status.OK, names: runs.map(({ name }) => name) });
        }),
      );
    };
    const [hers, his, wrong] = [`Bearer ${tokens.alice}`, `Bearer ${tokens.bob}`, `Bearer ${"c".repeat(40)}`];
    expect(await list(hers)).to.deep.equal({ code: Status.OK, names: ["runs/hers"] });
    for (const headers of [`${hers}, ${his}`, `${wrong},${hers}`, `${hers},${wrong}`, `${hers},${hers}`]) {
      expect(await list(headers), headers).to.deep.equal({ code: Status.UNAUTHENTICATED, names: [] });
    }
  });

  it("watch and never read take their own streams alone", async () => {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${tokens.alice}`);
    const request = Buffer.from(WatchRunRequest.encode(WatchRunRequest.fromPartial({ name: "runs/hers" })).finish());
    const watch = () => raw.makeServerStreamRequest(pathOf(method("WatchRun")), same, same, request, metadata);
    const stalled = Array.from({ length: STREAMS }, watch);
    for (const stream of stalled) stream.pause().on("error", () => undefined);
    const beyond = watch().on("data", () => undefined);
    const refused = await new Promise<ServiceError>((resolve) => beyond.once("error", resolve));
    expect(refused.code, refused.details).to.equal(Status.RESOURCE_EXHAUSTED);
    expect((await alice.runs.listRuns({})).runs).to.have.length(1);
    expect((await bob.runs.listRuns({})).runs).to.have.length(1);
    const his = all(bob.runs.watchRun({ name: "runs/his" }));
    await bob.runs.cancelRun({ name: "runs/his" });
    await his;
    for (const stream of stalled) stream.cancel();
  });
});

async function all(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const message of stream) void message;
}
