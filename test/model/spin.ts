/**
 * Runs one model through Spin: generate, compile, explore, and say what was found. A run that did not finish (memory, depth,
 * time) is `incomplete`, never a success. Spin and a C compiler are programs of the machine; without them nothing here can
 * be said, and `SpinMissing` tells what to install.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Switches } from "./variants.ts";

const here = import.meta.dirname;

/** A program that the check cannot do without is not on PATH. */
export class SpinMissing extends Error {
  override readonly name = "SpinMissing";
  readonly code = "spin-missing";
}

/** Bounds of one run. */
export interface Limits {
  readonly memoryMb: number;
  readonly seconds: number;
  /** Longest sequence of steps. */
  readonly depth: number;
}

/** What one run found. */
export interface Found {
  /** `holds`: every state was visited and none breaks a promise. */
  readonly verdict: "holds" | "breaks" | "incomplete";
  /** The promise that broke. */
  readonly broken: string | undefined;
  readonly states: number;
  readonly depth: number;
  /** Processor time of the exploration. */
  readonly seconds: number;
  readonly memoryMb: number;
  /** Steps that were taken at least once. */
  readonly taken: readonly string[];
  /** The steps that lead to the broken promise, in words; empty where none broke. */
  readonly story: readonly string[];
  /** Spin's own report. */
  readonly report: string;
}

const turnable = turnableNames();
const everyday: Limits = { memoryMb: 3_000, seconds: 300, depth: 200_000 };

/** The steps that the model can tell of, by name. */
export function stepNames(): readonly string[] {
  const names = modelFiles().flatMap((file) =>
    [...readFileSync(join(here, file), "utf8").matchAll(/\bTELL\((\w+), "/g)].map(([, name = ""]) => name),
  );
  return [...new Set(names)].toSorted();
}

/** Explores the model with these switches. Throws `SpinMissing` without spin or gcc. */
export async function explore(
  switches: Switches,
  o: Partial<Limits> & { readonly tells?: boolean } = {},
): Promise<Found> {
  const limits = { ...everyday, ...o };
  const isWhole = !Object.entries(switches).some(([name, value]) => value === 0 && isGuard(name));
  const turned = isWhole || o.tells === true ? undefined : turnedIn(switches);
  if (turned !== undefined) {
    const folder = await worldOf(switches, limits);
    const { output, isTimedOut } = await search(folder, "-c1", limits, { TURNED: turned });
    return read(output, isTimedOut);
  }
  const folder = newFolder();
  try {
    for (const file of modelFiles()) cpSync(join(here, file), join(folder, file));
    const given = Object.entries({ ...switches, ...(isWhole && { SEEK: 1 }) }).map(
      ([name, value]) => `-D${name}=${value}`,
    );
    await must(folder, "spin", [...given, "-a", "succession.pml"]);
    // A harder optimiser takes longer than it saves in all but the largest worlds.
    await compile(folder, [isWhole ? "-O1" : "-O0", ...(o.tells === true ? ["-DREACH"] : [])], limits);
    // What is told is a shortest counterexample.
    const how = isWhole ? "-c100" : o.tells === true ? "-i" : "-c1";
    const { output, isTimedOut } = await search(folder, how, limits);
    const found = read(output, isTimedOut);
    if (found.broken === undefined || o.tells !== true) return found;
    const told = await must(folder, "spin", [...given, "-T", "-t", "succession.pml"]);
    return { ...found, story: storyOf(told) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "baton-model-"));
}

async function compile(folder: string, options: readonly string[], limits: Limits): Promise<void> {
  const same = ["-w", "-DSAFETY", "-DNOREDUCE", "-DCOLLAPSE", `-DMEMLIM=${limits.memoryMb}`];
  await must(folder, "gcc", [...options, ...same, "-o", "pan", "pan.c"]);
}

/** The shell's `times` is the one portable way to a child's processor time. */
async function search(
  folder: string,
  how: string,
  limits: Limits,
  environment: Readonly<Record<string, string>> = {},
): Promise<Awaited<ReturnType<typeof run>>> {
  const command = `./pan -E ${how} -m${limits.depth} -w22; times`;
  return await run(folder, "sh", ["-c", command], limits.seconds, environment);
}

/**
 * What has a counterexample is found in a moment: there the compiler is what takes time. So the variants of one world
 * share a program, in which each guard and each waiver is a byte that the environment turns over.
 */
const worlds = new Map<string, Promise<string>>();
/** Their folders, until the process ends. */
const kept: string[] = [];

/** The folder of the program for the world of these switches, which is made when it is asked for first. */
function worldOf(switches: Switches, limits: Limits): Promise<string> {
  const given = Object.entries(switches)
    .filter(([name]) => !turnable.includes(name))
    .map(([name, value]) => `-D${name}=${value}`);
  const key = [...given, limits.memoryMb].join(" ");
  const known = worlds.get(key) ?? makeWorld(given, limits);
  worlds.set(key, known);
  return known;
}

function removeKept(): void {
  for (const folder of kept) rmSync(folder, { recursive: true, force: true });
}

async function makeWorld(given: readonly string[], limits: Limits): Promise<string> {
  const folder = newFolder();
  if (kept.length === 0) process.once("exit", removeKept);
  kept.push(folder);
  const bytes = turnable.map((name) => (isGuard(name) ? 1 : 0));
  const turning = `c_decl {
  char *getenv(const char *);
  static unsigned char is[] = { ${bytes.join(", ")} };
  static void __attribute__((constructor)) turn(void) {
    const char *turned = getenv("TURNED");
    for (; turned && *turned; turned++) is[*turned - '0'] ^= 1;
  }
}
`;
  for (const file of modelFiles()) {
    const text = readFileSync(join(here, file), "utf8").replaceAll(/^#define (\w+) [01]$/gm, (line, name: string) => {
      const at = turnable.indexOf(name);
      return at < 0 ? line : `#define ${name} c_expr { is[${at}] }`;
    });
    writeFileSync(join(folder, file), file === "succession.pml" ? turning + text : text);
  }
  await must(folder, "spin", [...given, "-a", "succession.pml"]);
  await compile(folder, ["-O0"], limits);
  return folder;
}

/** The guards and waivers that can be turned over: those that no step's being there depends on. */
function turnableNames(): readonly string[] {
  const texts = modelFiles().map((file) => readFileSync(join(here, file), "utf8"));
  const names = texts.flatMap((text) => [...text.matchAll(/^#define (\w+) [01]$/gm)].map(([, name = ""]) => name));
  return names.filter(
    (name) => (isGuard(name) || name.startsWith("WAIVE_")) && !texts.some((text) => text.includes(`#if !${name}\n`)),
  );
}

/** What these switches turn over, one character each; undefined: one of them cannot be. */
function turnedIn(switches: Switches): string | undefined {
  const turned = Object.entries(switches).filter(([name, value]) =>
    isGuard(name) ? value === 0 : name.startsWith("WAIVE_") && value === 1,
  );
  const at = turned.map(([name]) => turnable.indexOf(name));
  return at.includes(-1) ? undefined : at.map((one) => String.fromCharCode(48 + one)).join("");
}

function modelFiles(): readonly string[] {
  return readdirSync(here).filter((file) => file.endsWith(".pml"));
}

function isGuard(name: string): boolean {
  return readFileSync(join(here, "guards.pml"), "utf8").includes(`#define ${name} 1`);
}

/** Reads Spin's report. Steps report themselves as assertions that fail once; every other assertion is a promise. */
function read(report: string, isTimedOut: boolean): Found {
  const failed = [...report.matchAll(/^pan:\d+: assertion violated \(?(\w+)/gm)].map(([, name = ""]) => name);
  const taken = failed.filter((name) => name.startsWith("taken_")).map((name) => name.slice("taken_".length));
  // Where a shortest counterexample was looked for, the last is the one that was kept.
  const broken = failed.findLast((name) => !name.startsWith("taken_"));
  const isCut = isTimedOut || /out of memory|max search depth too small|reached -DMEMLIM|interrupted/.test(report);
  const states = number(report, /(\d+) states, stored/);
  const isIncomplete = isCut || (broken === undefined && states === 0) || /pan:\d+: (?!assertion)/.test(report);
  const [minutes = "0", seconds = "0"] = [...report.matchAll(/^(\d+)m([\d.]+)s/gm)].at(-1)?.slice(1) ?? [];
  return {
    verdict: broken !== undefined ? "breaks" : isIncomplete ? "incomplete" : "holds",
    broken,
    states,
    depth: number(report, /depth reached (\d+)/),
    seconds: Number(minutes) * 60 + Number(seconds),
    memoryMb: Math.round(number(report, /([\d.]+)\s+total actual memory/)),
    taken,
    story: [],
    report,
  };
}

function number(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

const kinds = ["", "takeover", "unclean takeover", "shrink", "grow", "bump", "handoff", "yield"];

/** Bit masks as sets, numbers of kinds as words. */
function storyOf(told: string): readonly string[] {
  return told
    .split("\n")
    .filter((line) => /^\w+: /.test(line) && !line.startsWith("spin:"))
    .map((line) =>
      line
        .replace(/^etcd: answer (\d)/, (_, ok: string) => `  etcd ${ok === "1" ? "applies it" : "refuses it"}`)
        .replace(/, kind (\d)/, (_, kind: string) => `: ${kinds[Number(kind)] ?? kind}`)
        .replaceAll(/\bset (\d+)/g, (_, mask: string) => `set {${bits(Number(mask)).join(",")}}`)
        .replaceAll(/\brecords (\d+)/g, (_, mask: string) => `records {${bits(Number(mask), 1).join(",")}}`)
        .replace("leader 7", "leader none")
        .trimEnd(),
    );
}

function bits(mask: number, from = 0): readonly number[] {
  return [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (mask >> bit) & 1).map((bit) => bit + from);
}

async function must(folder: string, program: string, options: readonly string[]): Promise<string> {
  const { output, status } = await run(folder, program, options, everyday.seconds);
  if (status === 0 || (options.includes("-t") && existsSync(join(folder, "succession.pml.trail")))) return output;
  throw new Error(`${program} ${options.join(" ")} failed:\n${output}`);
}

async function run(
  folder: string,
  program: string,
  options: readonly string[],
  seconds: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly output: string; readonly status: number; readonly isTimedOut: boolean }> {
  const child = spawn(program, options, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, ...environment },
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => void chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => void chunks.push(chunk));
  let isTimedOut = false;
  const stop = (): void => {
    // The group: the shell has a child of its own.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(() => {
    isTimedOut = true;
    stop();
  }, seconds * 1_000);
  process.once("exit", stop);
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) =>
        reject(error.code === "ENOENT" ? new SpinMissing(howToInstall(program)) : error),
      );
      child.on("close", (code) => resolve(code ?? 128));
    });
    return { output: Buffer.concat(chunks).toString("utf8"), status, isTimedOut };
  } finally {
    clearTimeout(timer);
    process.off("exit", stop);
  }
}

function howToInstall(program: string): string {
  return `${program} is missing: install spin and gcc (Debian: apt-get install spin gcc libc6-dev; macOS: brew install spin) and put them on PATH.`;
}
