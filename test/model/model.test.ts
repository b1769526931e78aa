/**
 * The protocol, as it is modelled, keeps its promises in every order of steps; and without any one of its guards it does not.
 * Bounds are small (README.md says what was verified beyond them); spin and gcc are needed, and their absence is a failure.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { explore, stepNames } from "./spin.ts";
import { broken, limits, whole } from "./variants.ts";

/** A run takes seconds; on a machine that does other things as well, minutes. */
const patience = 300_000;

describe("the protocol keeps its promises", () => {
  const taken = new Set<string>();

  it.each(whole)(
    "in the world $name: $what",
    async ({ switches }) => {
      const found = await explore(switches);
      for (const step of found.taken) taken.add(step);
      expect([found.verdict, found.broken], found.report).toEqual(["holds", undefined]);
    },
    patience,
  );

  it("and takes every step that the model has", () => {
    expect([...taken].toSorted()).toEqual(stepNames());
  });
});

describe("the protocol with a guard missing does not", () => {
  it.each(broken)(
    "$name breaks $breaks: $what",
    async ({ switches, breaks }) => {
      const found = await explore(switches);
      expect([found.verdict, found.broken], found.report).toEqual(["breaks", breaks]);
    },
    patience,
  );
});

describe("what the protocol does not notice", () => {
  it.each(limits)(
    "$name: $what",
    async ({ switches, breaks }) => {
      const found = await explore(switches);
      expect(found.broken, found.report).toBe(breaks);
    },
    patience,
  );
});

describe("the check", () => {
  const check = fileURLToPath(new URL("./check.ts", import.meta.url));

  it(
    "tells a counterexample step by step",
    () => {
      const { stdout, status } = spawnSync(process.execPath, [check, "without-members-only", "--story"], {
        encoding: "utf8",
      });
      expect(stdout).toMatch(/^takeover: \d vows and asks for the leadership at epoch 1, version \d$/m);
      expect(stdout).toMatch(/^ {2}etcd applies it: leader \d, epoch 2, version \d, set \{\S*\}$/m);
      expect(stdout).toMatch(/^without-members-only: breaks I6_committed_is_inherited \(\d+ states, /m);
      expect(status).toBe(0);
    },
    patience,
  );

  it("says what to install where spin is missing", () => {
    const { stdout, status } = spawnSync(process.execPath, [check, "three"], {
      encoding: "utf8",
      env: { PATH: "/nowhere" },
    });
    expect(stdout).toContain("spin is missing: install spin and gcc (Debian: apt-get install spin gcc libc6-dev;");
    expect(status).toBe(1);
  });
});
