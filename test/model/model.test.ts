/**
 * The protocol, as it is modelled, keeps its promises in every order of steps; and without any one of its guards it does not.
 * Bounds are small (README.md says what was verified beyond them); spin and gcc are needed, and their absence is a failure.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { stepsOfTheModel, transitions } from "../simulation/checks/coverage.ts";
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

describe("the page beside the model", () => {
  const page = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
  const guards = [...readFileSync(join(import.meta.dirname, "guards.pml"), "utf8").matchAll(/^#define (\w+) 1$/gm)].map(
    ([, name = ""]) => name,
  );

  it("puts every step beside its code", () => {
    expect(stepNames().filter((step) => !page.includes(`\`${step}\``))).toEqual([]);
  });

  it("and each step is one that the simulation has to show, or says why it does not", () => {
    const shown = new Set(transitions);
    for (const step of stepNames()) {
      const counted = stepsOfTheModel[step];
      const names = typeof counted === "string" ? [] : counted;
      expect(
        names?.filter((name) => !shown.has(name)),
        step,
      ).toEqual([]);
    }
    expect(Object.keys(stepsOfTheModel).toSorted()).toEqual(stepNames());
  });

  it("names only code that is there", () => {
    const root = join(import.meta.dirname, "..", "..");
    const files = new Set(
      globSync(["packages/*/src/**/*.ts", "test/model/*"], { cwd: root }).map((file) => basename(file)),
    );
    const named = [...page.matchAll(/`(?:[\w./-]*\/)?([\w-]+\.(?:ts|pml))`/g)].map(([, file = ""]) => file);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((file) => !files.has(file))).toEqual([]);
  });

  it("says of every guard what its absence breaks, and every guard's absence is tried", () => {
    expect(guards.length).toBeGreaterThan(40);
    expect(guards.filter((guard) => !page.includes(`\`${guard}\``))).toEqual([]);
    expect(guards.filter((guard) => !broken.some(({ switches }) => switches[guard] === 0))).toEqual([]);
  });
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
