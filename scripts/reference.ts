/**
 * Writes the pages that are made of the code to `packages/engine/reference`, formatted like everything else. With
 * `--check` it writes nothing and says which page differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writtenPages } from "@baton/engine";
import { format } from "prettier";

const folder = join(import.meta.dirname, "..", "packages", "engine", "reference");
const isCheck = process.argv.includes("--check");

for (const [name, content] of await writtenPages()) {
  const file = join(folder, name);
  const text = await format(content, { filepath: file, printWidth: 120, endOfLine: "lf" });
  if (read(file) === text) continue;
  if (isCheck) process.exitCode = 1;
  else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  console.log(`${name} ${isCheck ? "says something else than the code: run scripts/reference" : "written"}`);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
