import { expect } from "chai";
import { join } from "node:path";
import { findPython, pythonPath } from "../../src/backend/python.js";
import { UserError } from "../../src/errors.js";
import { PACKAGE_ROOT } from "../../src/package-root.js";

describe("Python interpreter", () => {
  it("is the one asked for, else SCPO_PYTHON's, else the set-up's", () => {
    expect(findPython(process.execPath, { SCPO_PYTHON: "/bin/sh" })).to.equal(process.execPath);
    expect(findPython(undefined, { SCPO_PYTHON: "/bin/sh" })).to.equal("/bin/sh");
    expect(findPython(undefined, {})).to.equal(join(PACKAGE_ROOT, ".venv", "bin", "python"));
  });

  it("is never silently another than the one asked for", () => {
    expect(() => findPython(undefined, { SCPO_PYTHON: "/no/python" })).to.throw(
      UserError,
      /^SCPO_PYTHON: found "\/no\/python", expected .* run `npm start`$/,
    );
    expect(() => findPython("python3")).to.throw(UserError, /absolute path/);
  });

  it("finds the package's Python side first", () => {
    const own = join(PACKAGE_ROOT, "python_bridge");
    expect(pythonPath({})).to.equal(own);
    expect(pythonPath({ PYTHONPATH: "/elsewhere" })).to.equal(`${own}:/elsewhere`);
  });
});
