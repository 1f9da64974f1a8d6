// Writes what is made of the schema of run.yaml: schemas/run.schema.json for editors and the table of docs/runs.md.
// Needs tsx: node --import tsx scripts/generate-run-docs.js
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { runSchemaText } from "../src/run-file/json-schema.ts";
import { settingsTable } from "../src/run-file/settings-table.ts";

const page = new URL("../docs/runs.md", import.meta.url);
const text = readFileSync(page, "utf8");
const table = /(<!-- settings -->\n)[^]*(\n<!-- \/settings -->)/;
if (!table.test(text)) throw new Error("docs/runs.md has no <!-- settings --> part");
writeFileSync(
  page,
  text.replace(table, (_, before, after) => `${before}${settingsTable()}${after}`),
);
mkdirSync(new URL("../schemas/", import.meta.url), { recursive: true });
writeFileSync(new URL("../schemas/run.schema.json", import.meta.url), runSchemaText());
