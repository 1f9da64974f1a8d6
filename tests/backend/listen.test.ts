import { expect } from "chai";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { checkListen, serverCredentials } from "../../src/backend/listen.js";

async function refused(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    expect(error).to.be.instanceOf(UserError);
    return (error as UserError).message;
  }
  throw new Error("expected a refusal");
}

describe("where the service listens", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scpo-listen-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const tls = { certificate: "c", key: "k" };

  for (const listen of ["127.0.0.1:0", "127.9.9.9:50052", "localhost:1", "[::1]:50052"]) {
    it(`takes ${listen} without TLS`, async () => {
      expect(await checkListen({ listen, tokens: false })).to.equal(listen);
    });
  }

  for (const listen of ["0.0.0.0:50052", "10.1.2.3:1", "[::]:50052", "example.org:443"]) {
    it(`refuses ${listen} unless TLS and a token or clients' certificates guard it`, async () => {
      expect(await refused(checkListen({ listen, tokens: false }))).to.match(/^--listen: .*needs TLS and a token/);
      await refused(checkListen({ listen, tokens: true }));
      await refused(checkListen({ listen, tokens: false, tls }));
      expect(await checkListen({ listen, tokens: true, tls })).to.equal(listen);
      const mutual = { ...tls, clientAuthority: "a" };
      expect(await checkListen({ listen, tokens: false, tls: mutual })).to.equal(listen);
    });
  }

  for (const listen of ["", "50052", "127.0.0.1", "127.0.0.1:70000", "unix:relative", "a b:1"]) {
    it(`says what is wrong with "${listen}"`, async () => {
      expect(await refused(checkListen({ listen, tokens: false }))).to.match(/^--listen: /);
    });
  }

  it("makes a socket's folder private", async () => {
    const listen = `unix://${folder}/own/scpo.sock`;
    expect(await checkListen({ listen, tokens: false })).to.equal(listen);
  });

  it("refuses a socket's folder that others may enter", async () => {
    mkdirSync(join(folder, "open"));
    chmodSync(join(folder, "open"), 0o755);
    expect(await refused(checkListen({ listen: `unix://${folder}/open/s`, tokens: false }))).to.match(/mode 0700/);
  });

  it("refuses a socket on which somebody listens, and takes a stale one", async () => {
    const path = join(folder, "s");
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    expect(await refused(checkListen({ listen: `unix://${path}`, tokens: false }))).to.match(/another service listens/);
    await new Promise((resolve) => server.close(resolve));
    expect(await checkListen({ listen: `unix://${path}`, tokens: false })).to.equal(`unix://${path}`);
  });

  it("refuses what is no socket, and a path too long for one", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await refused(checkListen({ listen: `unix://${folder}/file`, tokens: false }))).to.match(/no socket/);
    const long = `unix://${folder}/${"x".repeat(100)}/s`;
    expect(await refused(checkListen({ listen: long, tokens: false }))).to.match(/at most 100/);
  });

  it("refuses a key that others may read, and files that are no certificate", () => {
    const [certificate, key] = [join(folder, "c.pem"), join(folder, "k.pem")];
    expect(() => serverCredentials({ certificate, key })).to.throw(UserError, /--tls-certificate: cannot read/);
    writeFileSync(certificate, "nothing");
    writeFileSync(key, "nothing", { mode: 0o644 });
    expect(() => serverCredentials({ certificate, key })).to.throw(UserError, /--tls-key: other users may read/);
    chmodSync(key, 0o600);
    expect(() => serverCredentials({ certificate, key })).to.throw(UserError, /do not serve/);
  });
});
