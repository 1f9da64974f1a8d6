import { expect } from "chai";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Status } from "nice-grpc";
import { RunState } from "../../src/generated/scpo/v1/run.js";
import { ownRun } from "../../src/run/owner.js";
import { connectRuns, type RunServiceConnection } from "../../src/service/client.js";
import { serve, type ServeOptions, type ServingRuns } from "../../src/service/serve.js";
import { failureOf, tinySettings } from "../fixtures/service.js";

type Client = RunServiceConnection["runs"];

const tokens = { alice: "a".repeat(40), bob: "b".repeat(40) };

/** Nothing is trained here: the runs wait for a trainer for ever. */
describe("service of runs against hostile clients", function () {
  this.timeout(60_000);
  let folder: string;
  let data: string;
  let runsFolder: string;
  let open: Client;
  let alice: Client;
  let bob: Client;
  let logged: string[];
  const services: ServingRuns[] = [];
  const clients: RunServiceConnection[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "scpo-hostile-"));
    data = join(folder, "data");
    runsFolder = join(folder, "runs");
    mkdirSync(join(data, "model"), { recursive: true });
    writeFileSync(join(data, "model", "config.json"), "{}");
    writeFileSync(join(data, "pairs.parquet"), "");
    const tokenFile = join(folder, "tokens");
    const lines = Object.entries(tokens).map(([owner, token]) => `${owner}:${token}\n`);
    writeFileSync(tokenFile, lines.join(""), { mode: 0o600 });
    logged = [];
    const log = (line: string) => logged.push(line);
    open = connect(await start({ log }));
    const closed = await start({ log, runs: join(folder, "owned"), tokenFile });
    alice = connect(closed, tokens.alice);
    bob = connect(closed, tokens.bob);
  });
  after(async () => {
    for (const client of clients) client.close();
    for (const service of services) await service.drain();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(options: Partial<ServeOptions> = {}): Promise<ServingRuns> {
    const service = await serve({ runs: runsFolder, data: [data], listen: "127.0.0.1:0", parallel: 0, ...options });
    services.push(service);
    return service;
  }
  function connect(service: ServingRuns, token?: string): Client {
    const made = connectRuns(service.address, token === undefined ? {} : { token });
    clients.push(made);
    return made.runs;
  }
  /** Every call on a run, in an order in which each could do harm. */
  function callsOn(client: Client, id: string): Promise<unknown>[] {
    const name = `runs/${id}`;
    return [
      client.getRun({ name }),
      client.cancelRun({ name }),
      client.pauseRun({ name }),
      client.resumeRun({ name }),
      client.listCheckpoints({ parent: name }),
      all(client.exportCheckpoint({ name: `${name}/checkpoints/stage-0` })),
      all(client.watchRun({ name })),
      client.deleteRun({ name }),
    ];
  }

  describe("ownership", () => {
    /** What `scpo demo`, `scpo train` and the user's own hand leave among the runs. */
    function foreign(): void {
      const files = {
        "demo/data/pairs.parquet": "pairs",
        "trained/run.yaml": "id: trained\n",
        "trained/journal.jsonl": "",
        "trained/checkpoints/stage-0/model.safetensors": "weights",
        "a-file": "content",
        ".service/notes.txt": "mine",
      };
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(join(runsFolder, path, ".."), { recursive: true });
        writeFileSync(join(runsFolder, path), content);
      }
      mkdirSync(join(runsFolder, "empty"));
    }

    it("neither shows nor touches what it did not make", async () => {
      foreign();
      const before = tree(runsFolder);
      // One service finds the folders when it starts, the other meets them later.
      const later = connect(await start({ runs: copyOf(runsFolder, "met-at-start") }));
      for (const [client, root] of [
        [open, runsFolder],
        [later, join(folder, "met-at-start")],
      ] as const) {
        for (const id of ["demo", "trained", "a-file", "empty"]) {
          const refused = await failureOf(client.createRun({ settings: tinySettings(), runId: id }));
          expect(refused.code, id).to.equal(Status.ALREADY_EXISTS);
          expect(refused.details).to.equal(`runs/${id} exists already; choose another run_id`);
          for (const call of callsOn(client, id)) expect((await failureOf(call)).code, id).to.equal(Status.NOT_FOUND);
        }
        expect((await client.listRuns({})).runs).to.deep.equal([]);
        expect(tree(root)).to.deep.equal(before);
      }
    });

    it("makes a run's folder when it takes the run, and removes no folder that took its place", async () => {
      await open.createRun({ settings: tinySettings(), runId: "mine" });
      expect(readdirSync(join(runsFolder, "mine"))).to.deep.equal(["service-run.json"]);
      rmSync(join(runsFolder, "mine"), { recursive: true });
      mkdirSync(join(runsFolder, "mine"));
      writeFileSync(join(runsFolder, "mine", "thesis.txt"), "kept");
      const refused = await failureOf(open.cancelRun({ name: "runs/mine" }));
      expect(refused.code).to.equal(Status.FAILED_PRECONDITION);
      await open.deleteRun({ name: "runs/mine" });
      expect(readFileSync(join(runsFolder, "mine", "thesis.txt"), "utf8")).to.equal("kept");
    });

    it("takes no copy of its run for its own", async () => {
      await open.createRun({ settings: tinySettings(), runId: "first" });
      const copied = copyOf(runsFolder, "copied");
      cpSync(join(copied, "first"), join(copied, "kept-by-hand"), { recursive: true });
      const client = connect(await start({ runs: copied }));
      expect((await client.listRuns({})).runs.map(({ name }) => name)).to.deep.equal(["runs/first"]);
      expect((await failureOf(client.deleteRun({ name: "runs/kept-by-hand" }))).code).to.equal(Status.NOT_FOUND);
    });

    it("leaves a run alone that somebody directs outside the service", async () => {
      await open.createRun({ settings: tinySettings(), runId: "resumed" });
      await open.cancelRun({ name: "runs/resumed" });
      const directory = join(runsFolder, "resumed");
      const owner = await ownRun(join(directory, "owner.json"));
      for (const call of [
        () => open.deleteRun({ name: "runs/resumed" }),
        () => open.resumeRun({ name: "runs/resumed" }),
        () => open.pauseRun({ name: "runs/resumed" }),
        () => open.cancelRun({ name: "runs/resumed" }),
      ]) {
        expect((await failureOf(call())).code).to.equal(Status.FAILED_PRECONDITION);
      }
      await owner.release();
      await open.deleteRun({ name: "runs/resumed" });
      expect(existsSync(directory)).to.equal(false);
    });

    it("makes one run of two calls with one name", async () => {
      const make = () => open.createRun({ settings: tinySettings(), runId: "twice" }).then(() => Status.OK);
      const codes = await Promise.all([make(), failureOf(make()).then(({ code }) => code)].map((each) => each));
      expect(codes).to.have.members([Status.OK, Status.ALREADY_EXISTS]);
    });

    it("tells nobody of another's runs, by no call", async () => {
      await alice.createRun({ settings: tinySettings(), runId: "secret" });
      for (const call of callsOn(bob, "secret")) expect((await failureOf(call)).code).to.equal(Status.NOT_FOUND);
      // The name is free for him, as every name is that he did not take.
      expect((await bob.createRun({ settings: tinySettings(), runId: "secret" })).run?.name).to.equal("runs/secret");
      await bob.cancelRun({ name: "runs/secret", reason: "his" });
      expect((await alice.getRun({ name: "runs/secret" })).run?.state).to.equal(RunState.QUEUED);
      await bob.deleteRun({ name: "runs/secret" });
      expect((await alice.listRuns({})).runs.map(({ name }) => name)).to.deep.equal(["runs/secret"]);
    });
  });

  function copyOf(from: string, name: string): string {
    cpSync(from, join(folder, name), { recursive: true });
    rmSync(join(folder, name, ".service-owner.json"), { force: true });
    return join(folder, name);
  }
});

async function all(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const message of stream) void message;
}

/** Every file and folder with its content, but the service's own mark that it serves the folder. */
function tree(root: string): [string, string][] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name !== ".service-owner.json")
    .map((entry): [string, string] => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(root.length), entry.isFile() ? readFileSync(path, "utf8") : ""];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
