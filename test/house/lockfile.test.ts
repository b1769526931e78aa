/**
 * Proves that the lockfiles serve every machine: complete for all platforms, and tied to no one registry's host.
 *
 * npm has a habit of dropping the packages of other platforms from the lockfile when it changes a tree that is already
 * installed; `npm ci` then refuses on a fresh clone while everything works here. The cure is to let npm work on the
 * lockfile alone: `npm install --package-lock-only …`, then `scripts/prepare`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe.each(["package-lock.json", "scripts/node/package-lock.json"])("%s", (file) => {
  const { packages } = JSON.parse(readFileSync(join(root, file), "utf8")) as {
    packages: Readonly<Record<string, LockedPackage>>;
  };
  const entries = Object.entries(packages);

  it("locks the package of every platform", () => {
    const missing = entries.flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).filter(
        (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });

  it("names no host", () => {
    expect(entries.filter(([, { resolved }]) => resolved?.includes("://"))).toEqual([]);
  });

  it("pins every package by its content", () => {
    const open = entries.filter(
      ([path, { link, integrity }]) => path.includes("node_modules/") && link !== true && integrity === undefined,
    );
    expect(open.map(([path]) => path)).toEqual([]);
  });
});
