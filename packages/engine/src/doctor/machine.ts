/** Reads the machine for the doctor: versions, who keeps the clock, the unit of systemd. What it means is core's. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { promisify } from "node:util";
import type { TimeKeeper, UnitFacts } from "@baton/core";

const run = promisify(execFile);
const withinMs = 3_000;

/** Who keeps the wall clock, by chrony's word, else systemd's. */
export async function timeKeeper(): Promise<TimeKeeper> {
  const chrony = await outputOf("chronyc", ["-c", "tracking"]);
  if (chrony !== undefined) return chronyOf(chrony);
  const told = await outputOf("timedatectl", ["show", "--property=NTPSynchronized", "--value"]);
  if (told === "yes" || told === "no")
    return { kind: told === "yes" ? "synchronized" : "unsynchronized", by: "systemd (timedatectl)" };
  return { kind: "unknown", why: "neither chronyc nor timedatectl answers" };
}

/** `chronyc -c tracking`: the fifth field is how far the system's clock is off, in seconds; the last is the leap status. */
export function chronyOf(line: string): TimeKeeper {
  const fields = line.trim().split(",");
  const offset = Number(fields[4] ?? Number.NaN);
  if (fields.at(-1) === "Not synchronised") return { kind: "unsynchronized", by: "chrony" };
  return { kind: "synchronized", by: "chrony", ...(Number.isFinite(offset) && { offsetMs: offset * 1_000 }) };
}

/** The unit that would run this configuration: `baton@NAME` for `NAME.yaml`. */
export async function unitOf(configFile: string): Promise<UnitFacts> {
  if (!existsSync("/run/systemd/system")) return { kind: "absent", why: "systemd does not run this machine" };
  const unit = `baton@${basename(configFile).replace(/\.ya?ml$/, "")}.service`;
  const wanted = [
    "LoadState",
    "Restart",
    "RestartUSec",
    "WatchdogUSec",
    "LimitNOFILE",
    "LimitRTPRIO",
    "RestrictRealtime",
  ];
  const told = await outputOf("systemctl", ["show", unit, ...wanted.map((each) => `--property=${each}`)]);
  if (told === undefined) return { kind: "absent", why: "systemctl does not answer" };
  return unitFacts(unit, told);
}

/** The answer of `systemctl show`: one `Name=value` a line. */
export function unitFacts(unit: string, told: string): UnitFacts {
  const values = new Map(
    told.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  if (values.get("LoadState") !== "loaded") return { kind: "not-loaded", unit };
  return {
    kind: "loaded",
    unit,
    restart: values.get("Restart") ?? "no",
    restartSec: values.get("RestartUSec") ?? "",
    watchdog: values.get("WatchdogUSec") ?? "",
    filesMax: values.get("LimitNOFILE") ?? "",
    realtimeMax: values.get("LimitRTPRIO") ?? "",
    restrictRealtime: values.get("RestrictRealtime") ?? "",
  };
}

/** What a program prints; undefined where it is not there, fails or takes too long. */
async function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, args, { timeout: withinMs });
    return stdout.trim() === "" ? undefined : stdout.trim();
  } catch {
    return undefined;
  }
}
