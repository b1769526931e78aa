/**
 * Three nodes of production shells under the harm of a few seeds (README.md). `node test/shells/main.ts --seeds 200` is the
 * whole night of it; a failure here prints its schedule and the command that plays it again.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { text } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { breaks, broken } from "./breaks.ts";

const program = fileURLToPath(new URL("./main.ts", import.meta.url));
const packages = fileURLToPath(new URL("../../packages/", import.meta.url));
const isLong = process.env["BATON_LONG"] === "1";
const seeds = isLong ? 60 : 3;
const patienceMs = isLong ? 1_800_000 : 240_000;

interface Played {
  readonly status: number | null;
  readonly said: string;
}

async function play(...options: string[]): Promise<Played> {
  // What one thread has compiled the next ones find: each run starts some forty of them.
  const cache = mkdtempSync(join(tmpdir(), "baton-compiled-"));
  try {
    const env = { ...process.env, NODE_COMPILE_CACHE: cache };
    const child = spawn(process.execPath, [program, ...options], { env, stdio: ["ignore", "pipe", "pipe"] });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const [said, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { status: await ended, said: said + complaints };
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

test(
  `whatever happens to three nodes, no file loses or changes what was committed: seeds 1 to ${seeds}`,
  { timeout: patienceMs },
  async () => {
    const { status, said } = await play("--seeds", String(seeds));
    expect(status, said).toBe(0);
  },
);

test(
  "a rule that is broken on purpose is found, and printed with the command that plays it again",
  { timeout: 900_000 },
  async () => {
    // It ends at the first find, which alone is one seed of two or three; beside other tests there are fewer.
    const within = breaks["ack-before-fsync"]?.within;
    const { status, said } = await play("--break", "ack-before-fsync", "--seeds", String(within), "--from", "1");
    expect(status, said).toBe(1);
    expect(said).toMatch(/^again: node test\/shells\/main\.ts --seed \d+ --times 5/mu);
  },
);

describe.runIf(isLong)("each rule that is broken on purpose is found", () => {
  test.each(Object.entries(breaks))("%s", { timeout: 1_800_000 }, async (name, { within }) => {
    const { status, said } = await play("--break", name, "--seeds", String(within));
    expect(status, said).toBe(1);
  });
});

test("each broken rule replaces a text that stands once in the source of today", () => {
  for (const rule of Object.values(breaks)) {
    expect(broken(rule, readFileSync(join(packages, rule.file), "utf8"))).not.toBe("");
  }
});

test("the page says of each broken rule what is wrong, and within how many seeds it is found", () => {
  const page = readFileSync(join(import.meta.dirname, "README.md"), "utf8").replaceAll(/ +/g, " ");
  for (const [name, { what, within }] of Object.entries(breaks)) {
    expect(page).toContain(`| \`${name}\` | ${what} | ${within} |`);
  }
});
