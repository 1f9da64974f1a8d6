#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(fileURLToPath(main))) {
  await import(main.href);
} else {
  console.error("scpo: not built yet: dist/ is missing. Run: npm start (sets up everything), or node scripts/setup.js");
  process.exitCode = 1;
}
