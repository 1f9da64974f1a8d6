import { expect } from "chai";
import { backendSettings, isLocalAddress } from "../../src/backend/settings.js";

/** Paths and messages of what is wrong with settings. */
function problems(settings: unknown): string[] {
  const parsed = backendSettings.safeParse(settings);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("backend settings", () => {
  it("fill in every default", () => {
    expect(backendSettings.parse({ kind: "embedded" })).to.deep.equal({ kind: "embedded", threads: 1 });
    expect(backendSettings.parse({ kind: "launched" })).to.deep.equal({
      kind: "launched",
      launcher: "python",
      processes: 1,
      threads: 1,
      arguments: [],
    });
    expect(backendSettings.parse({ kind: "remote", address: "127.0.0.1:50051" })).to.deep.equal({
      kind: "remote",
      address: "127.0.0.1:50051",
      data: "shared",
    });
  });

  it("name what is wrong and where", () => {
    expect(problems({ kind: "rented" })[0]).to.match(/^kind: /);
    expect(problems({ kind: "embedded", thread: 2 })[0]).to.contain("thread");
    expect(problems({ kind: "launched", processes: 2 })[0]).to.match(/^processes: the launcher python starts one/);
    expect(problems({ kind: "launched", arguments: ["--x"] })[0]).to.match(/^arguments: /);
    expect(problems({ kind: "remote", address: "gpu.example.org" })[0]).to.match(/^address: expected HOST:PORT/);
    expect(problems({ kind: "remote", address: "gpu.example.org:1" })[0]).to.match(/^tls: .*needs TLS/);
    expect(problems({ kind: "remote", address: "gpu.example.org:1", tls: { key: "k" } })[0]).to.match(/^tls.key: /);
    expect(problems({ kind: "remote", address: "127.0.0.1:1", token: { file: "t", variable: "T" } })).to.have.lengthOf(
      1,
    );
  });

  it("know which addresses are of this machine", () => {
    for (const local of ["127.0.0.1:1", "127.8.9.1:2", "localhost:3", "[::1]:4", "unix:///run/x.sock"])
      expect(isLocalAddress(local), local).to.equal(true);
    for (const other of ["10.0.0.1:1", "0.0.0.0:2", "[::]:3", "127.0.0.1.example.org:4", "localhost.example.org:5"])
      expect(isLocalAddress(other), other).to.equal(false);
  });
});
