/** The README's tables and the code know the same faults, modes and points. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MODES, POINTS } from "./fault.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const rows = readme.split("\n").filter((line) => /^\| `[^`]+` *\|/.test(line));

test("the README has each fault once, and no other", () => {
  const named = rows.map((line) => line.split("`")[1] ?? "");
  const fields = ["match", "count", "probability", "share", "startsInMs", "durationMs", "point"];
  expect(named.filter((name) => !fields.includes(name)).sort()).toEqual(Object.keys(POINTS).sort());
});

test("the README has each mode of a fault that has several", () => {
  for (const [name, modes] of Object.entries(MODES)) {
    const from = readme.indexOf(`\n| \`${name}\` `);
    const told = readme.slice(from, readme.indexOf("\n\n", from));
    for (const mode of modes) expect(told).toContain(`\`${mode}\``);
  }
});
