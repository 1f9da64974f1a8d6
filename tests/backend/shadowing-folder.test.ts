import { expect } from "chai";
import { createServer, type Server } from "node:net";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createService } from "nice-grpc";
import { connect } from "../../src/backend/connect.js";
import { checkPython } from "../../src/doctor/python.js";
import type { TinyWorld } from "../fixtures/tiny-run.js";
import { tinyWorld } from "../fixtures/tiny-run.js";

/** Names that every start imports: libraries, the package itself, a module of Python's own. */
const MODULES = ["torch", "transformers", "datasets", "scpo_trl", "json"];

describe("the folder and the environment of whoever calls", function () {
  this.timeout(180_000);
  let world: TinyWorld;
  let folder: string;
  let imported: string;
  const home = process.cwd();

  before(async () => {
    world = await tinyWorld();
    folder = await mkdtemp(join(tmpdir(), "shadowing-"));
    imported = join(folder, "imported");
    const code = `open(${JSON.stringify(imported)}, "a").write(__name__)\nraise SystemExit("shadowed")\n`;
    for (const name of MODULES) {
      await writeFile(join(folder, `${name}.py`), code);
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "__init__.py"), code);
    }
    process.chdir(folder);
  });

  after(async () => {
    process.chdir(home);
    await rm(folder, { recursive: true, force: true });
  });

  const backends: Parameters<TinyWorld["open"]>[0][] = [
    { kind: "embedded" },
    { kind: "launched" },
    { kind: "launched", launcher: "torchrun", processes: 1 },
  ];
  for (const backend of backends) {
    it(`runs no file of the current folder: ${Object.values(backend).join(" ")}`, async () => {
      const trainer = await world.open(backend, "shadowed.log");
      try {
        await trainer.client.loadModel({ path: world.model });
      } finally {
        await trainer.stop();
      }
      expect(existsSync(imported), "a file of the current folder was imported").to.equal(false);
    });
  }

  it("runs no file of the current folder: doctor", async () => {
    const [python] = await checkPython();
    expect(python?.level).to.equal("ok");
    expect(existsSync(imported), "a file of the current folder was imported").to.equal(false);
  });

  it("reaches this machine without the proxy that is set", async () => {
    let asked = 0;
    const proxy = await new Promise<Server>((resolve) => {
      const listening = createServer((socket) => {
        asked++;
        socket.destroy();
      }).listen(0, "127.0.0.1", () => resolve(listening));
    });
    const { port: proxyPort } = proxy.address() as { port: number };
    const service = createService();
    const port = await service.listen("127.0.0.1:0");
    const names = ["http_proxy", "https_proxy", "grpc_proxy"] as const;
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = `http://127.0.0.1:${proxyPort}`;
    try {
      const connection = await connect(`127.0.0.1:${port}`, { milliseconds: 5000 });
      connection.close();
      expect(asked).to.equal(0);
    } finally {
      names.forEach((name, index) => {
        const value = before[index];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      });
      proxy.close();
      await service.shutdown();
    }
  });
});
