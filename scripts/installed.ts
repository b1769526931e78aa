/**
 * Decides whether node_modules is what package-lock.json says, however it came there.
 *
 * npm keeps its own record of the tree in node_modules/.package-lock.json. The tree is right when that record holds
 * every locked package at the locked version and integrity; packages for other platforms may be absent. Exit status 0
 * means that nothing needs installing. `scripts/prepare` asks this when its stamp is missing, so that a tree which a
 * person installed by hand is not thrown away under their feet.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly link?: boolean;
}

function lockedPackages(file: string): Readonly<Record<string, LockedPackage>> {
  return (JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, LockedPackage> }).packages;
}

function isInstalled(root: string): boolean {
  const record = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const there = lockedPackages(record);
  return Object.entries(lockedPackages(join(root, "package-lock.json"))).every(([path, locked]) => {
    if (!path.startsWith("node_modules/")) return true;
    const found = there[path];
    if (found === undefined) return locked.optional === true;
    return found.version === locked.version && found.integrity === locked.integrity && existsSync(join(root, path));
  });
}

process.exitCode = isInstalled(process.argv[2] ?? ".") ? 0 : 1;
