import { expect } from "chai";
import type { ChildProcess } from "node:child_process";
import { execSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RemoteSettings } from "../../src/backend/settings.js";
import { findPython, pythonPath } from "../../src/backend/python.js";
import type { Trainer } from "../../src/backend/trainer.js";
import { TrainerExitedError } from "../../src/backend/trainer.js";
import { PROTOCOL_VERSION } from "../../src/backend/protocol.js";
import { UserError } from "../../src/errors.js";
import { sha256File } from "../../src/files/sha256.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";
import { direct } from "../../src/run/direct.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";
import { failure } from "../fixtures/rejection.js";

/** A service whose protocol number is another. */
const OTHER_PROTOCOL = `
import sys
import scpo_trl.service.trainer_service as service
service.PROTOCOL_VERSION += 1
from scpo_trl.service.__main__ import main
sys.exit(main(sys.argv[1:]))
`;

/** Runs the lines of docs/backends.md, then the like for a client and for a stranger. */
function makeCertificates(folder: string): void {
  const page = readFileSync(join(PACKAGE_ROOT, "docs", "backends.md"), "utf8");
  const documented = page.split("\n").filter((line) => /^(openssl|chmod) /.test(line));
  expect(documented).to.have.lengthOf(5);
  const request = documented[1] as string;
  const signature = documented[2] as string;
  const stranger = (documented[0] as string).replaceAll("authority", "stranger");
  const client = [request, signature].map((line) => line.replaceAll("server.", "client."));
  for (const line of [...documented, ...client, stranger]) execSync(line, { cwd: folder, stdio: "ignore" });
}

async function serve(
  folder: string,
  root: string,
  program: string[],
  ...options: string[]
): Promise<[ChildProcess, string]> {
  const tls = ["--tls-certificate", join(folder, "server.pem"), "--tls-key", join(folder, "server.key")];
  const words = ["--listen", "127.0.0.1:0", "--threads", "1", "--root", root, ...tls, ...options];
  const child = spawn(findPython(), [...program, ...words], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, PYTHONPATH: pythonPath(), OMP_NUM_THREADS: "1" },
  });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return [child, (JSON.parse(line) as { address: string }).address];
}

describe("remote trainer", function () {
  this.timeout(180_000);
  let world: TinyWorld;
  let folder: string;
  let root: string;
  let token: string;
  let server: ChildProcess;
  let settings: RemoteSettings;
  let trainer: Trainer | undefined;

  before(async function () {
    folder = mkdtempSync(join(tmpdir(), "scpo-remote-"));
    root = join(folder, "root");
    mkdirSync(root);
    if (spawnSync("openssl", ["version"]).status !== 0) this.skip();
    makeCertificates(folder);
    token = readFileSync(join(folder, "token"), "utf8").trim();
    world = await tinyWorld();
    let address: string;
    [server, address] = await serve(folder, root, ["-m", "scpo_trl.service"], "--token-file", join(folder, "token"));
    settings = {
      kind: "remote",
      address,
      tls: { authority: join(folder, "authority.pem"), name: "gpu.example.org" },
      token: { file: join(folder, "token") },
      data: "streamed",
    };
  });

  after(() => {
    server?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  afterEach(async () => {
    await trainer?.stop();
    trainer = undefined;
  });

  it("trains on files that are sent, and its checkpoints come home", async () => {
    trainer = await world.open(settings);
    expect(trainer.telemetry).to.equal(false);
    const plan = world.plan("streamed");
    const summary = await direct(trainer, plan, { telemetry: false });
    expect(summary).to.include({ outcome: "completed", steps: 6 });
    const last = summary.checkpoints.at(-1);
    expect(last?.path).to.equal(join(plan.directory, "checkpoints", last?.name ?? ""));
    expect(existsSync(join(last?.path ?? "", "model.safetensors"))).to.equal(true);
    expect(readdirSync(join(root, "uploads"))).to.include(await sha256File(world.pairs.path));
    // What was sent once is there.
    const uploads = readdirSync(join(root, "uploads")).length;
    await trainer.client.loadModel({ path: world.model });
    expect(readdirSync(join(root, "uploads"))).to.have.lengthOf(uploads);
    const exported = join(folder, "exported");
    await trainer.client.exportModel({ path: exported });
    expect(existsSync(join(exported, "config.json"))).to.equal(true);
    // Letting go of it leaves it running.
    await trainer.stop();
    expect(await failure(trainer.client.describe({}))).to.be.instanceOf(TrainerExitedError);
    trainer = await world.open(settings);
  });

  it("is refused with a wrong token, without one, and with a certificate of a stranger", async () => {
    process.env["SCPO_TEST_TOKEN"] = `${token}x`;
    const { token: _, ...tokenless } = settings;
    const tls = { authority: join(folder, "stranger.pem"), name: "gpu.example.org" };
    const cases: [RemoteSettings, string][] = [
      [{ ...settings, token: { variable: "SCPO_TEST_TOKEN" } }, "the token that was sent is not the trainer's"],
      [tokenless, "no token was sent"],
      [{ ...settings, tls }, "backend.tls: the trainer at"],
      [{ ...settings, tls: { authority: join(folder, "authority.pem"), name: "other.example.org" } }, "backend.tls: "],
      [{ ...settings, tls: { authority: join(folder, "none.pem") } }, "backend.tls.authority: cannot read"],
      [{ ...settings, token: { variable: "SCPO_NO_TOKEN" } }, "backend.token.variable: $SCPO_NO_TOKEN: found no token"],
    ];
    for (const [wrong, message] of cases) {
      const error = await failure(world.open(wrong));
      expect(error).to.be.instanceOf(UserError);
      expect(error.message).to.contain(message).and.not.to.contain(token).and.not.to.contain("\n");
    }
  });

  it("that asks for client certificates gets one, and one of another protocol version is named", async () => {
    const authority = ["--tls-client-authority", join(folder, "authority.pem")];
    const [other, address] = await serve(folder, root, ["-c", OTHER_PROTOCOL], ...authority);
    try {
      const { token: _, ...tokenless } = { ...settings, address };
      const without = await failure(world.open(tokenless));
      expect(without).to.be.instanceOf(UserError).with.property("message").contains("backend.tls.certificate");
      const pair = { certificate: join(folder, "client.pem"), key: join(folder, "client.key") };
      const named = await failure(world.open({ ...tokenless, tls: { ...tokenless.tls, ...pair } }));
      expect(named).to.be.instanceOf(UserError);
      expect(named.message)
        .to.contain(`trainer at ${address}: found protocol version ${PROTOCOL_VERSION + 1}`)
        .and.to.contain("npm install scpo@latest");
    } finally {
      other.kill("SIGKILL");
    }
  });

  it("that dies is named", async () => {
    trainer = await world.open(settings);
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
    const error = await failure(trainer.client.describe({}));
    expect(error).to.be.instanceOf(TrainerExitedError);
    expect(error.message).to.contain(`The connection to the trainer was lost: ${settings.address}`);
    expect(await trainer.exited).to.include({ expected: false });
  });
});
