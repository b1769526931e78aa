/** The README's tables and the code know the same faults, modes and points. */
import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MODES, POINTS } from "./fault.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const rows = readme
  .slice(readme.indexOf("\n## Faults\n"), readme.indexOf("\n## The audit\n"))
  .split("\n")
  .filter((line) => /^\| `[^`]+` *\|/.test(line));

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

test("the README has each type of record that the audit may hold, and no other", () => {
  const form = readFileSync(new URL("../../../core/src/formats/audit.ts", import.meta.url), "utf8");
  const types = [...form.matchAll(/readonly type: ([^;]+);/g)].flatMap(
    ([, union = ""]) => union.match(/[\w-]+/g) ?? [],
  );
  const from = readme.indexOf("\n## The audit\n");
  const table = readme.slice(from, readme.indexOf("\n## ", from + 1)).split("\n");
  const named = table
    .filter((line) => line.startsWith("| `") && !line.startsWith("| `type`"))
    .flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, type = ""]) => type));
  expect(types.length).toBeGreaterThan(20);
  expect(named.toSorted()).toEqual(types.toSorted());
});

test("each fault is armed by a test, and the README says by which", () => {
  const room = new URL("../../", import.meta.url);
  const files = globSync("src/**/*.test.ts", { cwd: room })
    .filter((file) => !file.endsWith("readme.test.ts"))
    .sort();
  const armed = files.map((file) => {
    const source = readFileSync(new URL(file, room), "utf8");
    return { file, names: Object.keys(POINTS).filter((name) => source.includes(`fault: "${name}"`)) };
  });
  const untested = Object.keys(POINTS).filter((name) => !armed.some(({ names }) => names.includes(name)));
  expect(untested).toEqual([]);
  const list = armed
    .filter(({ names }) => names.length > 0)
    .map(({ file, names }) => `- \`${file}\`: ${names.sort().join(", ")}`);
  const from = readme.indexOf("### Where each is tested\n");
  const told = readme.slice(from, readme.indexOf("\n## ", from));
  expect(
    told
      .replace(/\n {2}/g, " ")
      .split("\n")
      .filter((line) => line.startsWith("- ")),
  ).toEqual(list);
});
