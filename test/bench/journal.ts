/**
 * What it costs to make an intent durable on two nodes: a leader and a follower process on loopback, each with its journal
 * on the same disk, beside commits on one journal only; and how much later market data gets meanwhile, as it is and with
 * `node.realtime` where this user may. Rounds are
 * interleaved, so that a neighbour's load falls on both sides; figures are medians of the rounds.
 */
import { execFile, fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { engineFlags } from "@baton/engine";
import { besidePeer, median } from "./figure.ts";
import type { Figure } from "./figure.ts";
import { timeOpening } from "./journal-parts.ts";
import type { ClosedLoop, Lag, PartOrder, Role } from "./journal-parts.ts";

const rounds = 7;
const loads = [
  { inFlight: 1, events: 1000 },
  { inFlight: 32, events: 8000 },
  { inFlight: 256, events: 24_000 },
] as const;
/** Idle and loaded slices take turns: a neighbour's burst spoils a slice, not the comparison. */
const lagSlices = 5;
const lagMs = 400;
const intentsPerSecond = 2000;
/** The leader's main thread as it is, and then as `node.realtime` makes it. */
const lagThreads = ["", ", realtime"] as const;
const openingRounds = 3;
const openingRecords = 100_000;

/** Measures all of it, about a minute. */
export async function run(): Promise<readonly Figure[]> {
  const loops = new Map<string, ClosedLoop[]>();
  const lags = new Map<string, Lag[]>();
  for (let round = 0; round < rounds; round += 1) await runRound(round, loops, lags);
  const loop = (journal: string, inFlight: number, of: keyof ClosedLoop): number =>
    median((loops.get(`${journal} ${inFlight}`) ?? []).map((result) => result[of]));
  const figures: Figure[] = [];
  for (const { inFlight, events } of loads) {
    const samples = events * rounds;
    const two = `durable on two nodes, ${inFlight} in flight`;
    const latency = besidePeer({
      name: `${two}: p50`,
      unit: "ms",
      value: loop("replicated", inFlight, "p50Ms"),
      samples,
      peer: { name: "local only", value: loop("local", inFlight, "p50Ms") },
    });
    const throughput = besidePeer({
      name: `${two}: rate`,
      unit: "/s",
      value: loop("replicated", inFlight, "perSecond"),
      samples,
      peer: { name: "local only", value: loop("local", inFlight, "perSecond") },
    });
    const p99 = besidePeer({
      name: `${two}: p99`,
      unit: "ms",
      value: loop("replicated", inFlight, "p99Ms"),
      samples,
      peer: { name: "local only", value: loop("local", inFlight, "p99Ms") },
    });
    figures.push(inFlight === 1 ? { ...latency, goal: { atMost: 4 } } : latency, p99);
    figures.push(inFlight === 1 ? throughput : { ...throughput, goal: { atLeast: inFlight === 32 ? 0.4 : 0.55 } });
  }
  for (const thread of lagThreads) {
    const loaded = lags.get(`loaded${thread}`) ?? [];
    if (loaded.length === 0) continue;
    const p99Of = (results: readonly Lag[]): number => median(results.map((result) => result.p99Ms));
    figures.push({
      ...besidePeer({
        name: `market-data lag p99 at ${intentsPerSecond} intents/s${thread}`,
        unit: "ms",
        value: p99Of(loaded),
        samples: loaded.reduce((sum, result) => sum + result.messages, 0),
        peer: { name: "idle", value: p99Of(lags.get(`idle${thread}`) ?? []) },
      }),
      goal: { atMost: 1.5 },
    });
  }
  const openings: number[] = [];
  for (let round = 0; round < openingRounds; round += 1) openings.push(await openingTime());
  figures.push({
    name: `open a journal of ${openingRecords} intents`,
    unit: "ms",
    value: median(openings),
    samples: openings.length,
    goal: { atMost: 1000 },
  });
  return figures;
}

async function openingTime(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), "baton-bench-"));
  try {
    return await timeOpening(dir, openingRecords);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function runRound(round: number, loops: Map<string, ClosedLoop[]>, lags: Map<string, Lag[]>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "baton-bench-"));
  const parts: Part[] = [];
  try {
    const leader = await start("leader", dir);
    parts.push(leader);
    const follower = await start("follower", dir, leader.ready);
    parts.push(follower);
    const feed = await start("feed", dir);
    parts.push(feed);
    // Which side comes first changes with the round.
    const order = round % 2 === 0 ? (["local", "replicated"] as const) : (["replicated", "local"] as const);
    for (const load of loads) {
      for (const journal of order) {
        // Not counted: the first frames wait for the link, the first calls for the compiler.
        await leader.ask({ kind: "closed-loop", journal, inFlight: load.inFlight, events: load.inFlight * 8 });
        put(
          loops,
          `${journal} ${load.inFlight}`,
          (await leader.ask({ kind: "closed-loop", journal, ...load })) as ClosedLoop,
        );
      }
    }
    // From here on the follower stands for another host: it may not take a core from the leader's main thread, as one that
    // is woken on the leader's core does in the middle of the leader's own write.
    await onlyIdleCores(follower.pid);
    for (const thread of lagThreads) {
      const refused = thread === "" ? undefined : ((await leader.ask({ kind: "realtime" })) as string | undefined);
      if (refused !== undefined) {
        process.stderr.write(`  not measured${thread}: ${refused}\n`);
        break;
      }
      for (let slice = 0; slice < lagSlices; slice += 1) {
        for (const journal of order) {
          const rate = journal === "local" ? 0 : intentsPerSecond;
          const answer = await leader.ask({ kind: "lag", feed: feed.ready, intentsPerSecond: rate, ms: lagMs });
          put(lags, `${rate === 0 ? "idle" : "loaded"}${thread}`, answer as Lag);
        }
      }
    }
  } finally {
    await Promise.all(parts.map((part) => part.stop()));
    await rm(dir, { recursive: true, force: true });
  }
}

/** Lets a process run where no other wants to, all of its threads (Linux; elsewhere it just competes). */
async function onlyIdleCores(pid: number): Promise<void> {
  if (process.platform !== "linux") return;
  await promisify(execFile)("chrt", ["--all-tasks", "--idle", "--pid", "0", `${pid}`]);
}

interface Part {
  readonly ready: string;
  readonly pid: number;
  ask(order: PartOrder): Promise<unknown>;
  stop(): Promise<void>;
}

async function start(role: Role, dir: string, peer?: string): Promise<Part> {
  const args = [role, dir, ...(peer === undefined ? [] : [peer])];
  const child = fork(join(import.meta.dirname, "journal-parts.ts"), args, { execArgv: [...engineFlags] });
  const { ready } = (await answerOf(child)) as { ready: string };
  return {
    ready,
    pid: child.pid ?? 0,
    async ask(order) {
      child.send(order);
      return ((await answerOf(child)) as { answer: unknown }).answer;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.disconnect();
      await gone;
    },
  };
}

/** The next message of a child; rejects when it ends instead. */
function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a part of the benchmark ended with ${code}`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(message);
    });
  });
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key) ?? [];
  values.push(value);
  map.set(key, values);
}
