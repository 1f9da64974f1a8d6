// Writes what is made of the schema of run.yaml: schemas/run.schema.json for editors and the table of docs/runs.md.
// Needs tsx: node --import tsx scripts/generate-run-docs.js
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { runSchemaText } from "../src/run-file/json-schema.ts";
import { elsewhereTable, settingsTable } from "../src/run-file/settings-table.ts";

const page = new URL("../docs/runs.md", import.meta.url);
const text = readFileSync(page, "utf8");
const withPart = (whole, name, table) => {
  const part = new RegExp(`(<!-- ${name} -->\\n)[^]*(\\n<!-- /${name} -->)`);
  if (!part.test(whole)) throw new Error(`docs/runs.md has no <!-- ${name} --> part`);
  return whole.replace(part, (_, before, after) => `${before}${table}${after}`);
};
writeFileSync(page, withPart(withPart(text, "settings", settingsTable()), "elsewhere", elsewhereTable()));
mkdirSync(new URL("../schemas/", import.meta.url), { recursive: true });
writeFileSync(new URL("../schemas/run.schema.json", import.meta.url), runSchemaText());
