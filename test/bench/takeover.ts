/**
 * How long nobody trades when a leader is lost, by the way in which it is lost: from the instant of the fault to the first
 * request to place that another node brings to the exchange, read from the exchange's own log on the machine's one monotonic
 * clock, under 110 orders a second on three symbols. One cluster serves many faults; each strikes once all nodes are in sync
 * again, at a random moment between two heartbeats. Its phases are the leader's own words in etcd's history.
 *
 * A few hundred faults take long: `--kind K --samples N` (or `--seconds N`) runs a slice, and `--keep FILE` adds its samples to that file and
 * tells the figures of all that it holds.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { openFlow, readHistory, startCluster, stillness } from "@baton/drills";
import type { Cluster } from "@baton/drills";
import { AuditTail } from "./audit-tail.ts";
import type { BenchOptions, Figure } from "./figure.ts";
import { accessOf } from "./order-clients.ts";
import { lossKinds } from "./takeover-faults.ts";
import type { LossKind } from "./takeover-faults.ts";

/** One leader lost; times in ms. */
interface Sample {
  readonly kind: string;
  /** From the fault, or the request for a switchover, to the first order of the next epoch. */
  readonly rtoMs: number;
  /** Between the last order of the old leader and the first of the new one. */
  readonly gapMs: number;
  readonly epoch: number;
  readonly detect?: number;
  readonly elect?: number;
  readonly promote?: number;
  readonly firstOrder?: number;
}

type Told = Omit<Sample, "detect" | "elect" | "promote" | "firstOrder"> & {
  readonly faultWallMs: number;
  readonly firstWallMs: number;
};

const perSecond = 110;
const recoverWithinMs = 20_000;
/** A supervisor opens its own way to etcd once its engine has started; no cluster is judged by a death before that. */
const settleMs = 5_000;
const enoughForP99 = 300;
/**
 * A node that has just come back goes on warming up for a while after it is in sync, and catches up with what waited for it; on a
 * host of its own nobody else would notice. Here all share a machine that three nodes, etcd, the exchange and the orders keep
 * busy already: a leader lost in that time measures who waits for a core.
 */
const calmMs = 3_000;

/** Measures one kind or all of them. */
export async function run(o: BenchOptions): Promise<readonly Figure[]> {
  const kinds = lossKinds.filter(({ name }) => o.kind === undefined || name === o.kind);
  if (kinds.length === 0)
    throw new Error(`no kind ${o.kind}; there are: ${lossKinds.map(({ name }) => name).join(", ")}`);
  const samples: Sample[] = [];
  for (const kind of kinds) samples.push(...(await samplesOf(kind, o)));
  const all = o.keep === undefined ? samples : kept(o.keep);
  return kinds.flatMap((kind) =>
    figuresOf(
      kind,
      all.filter((sample) => sample.kind === kind.name),
    ),
  );
}

async function samplesOf(kind: LossKind, o: BenchOptions): Promise<readonly Sample[]> {
  const wanted = o.samples ?? kind.samples;
  await using cluster = await startCluster(kind.cluster);
  favour(cluster.exchange.pid);
  const flow = await openFlow(cluster, { seed: 1, perSecond, run: `${kind.name}-${process.pid}` });
  using tail = new AuditTail(cluster.exchange.auditFile);
  const told: Told[] = [];
  let samples: readonly Sample[] = [];
  try {
    await flow.start();
    await delay(settleMs);
    const began = performance.now();
    const isOver = (): boolean => performance.now() - began > (o.seconds ?? Number.POSITIVE_INFINITY) * 1_000;
    while (told.length < wanted && !isOver()) {
      const one = await loseLeader(kind, cluster, { tail, flow });
      // A leader that went on by itself, or that changed before the fault, tells nothing of it; it is said, and tried again.
      if (one === undefined) continue;
      told.push(one);
      const seconds = Math.round((performance.now() - began) / 1_000);
      process.stderr.write(`  ${kind.name} ${told.length} of ${wanted}: ${Math.round(one.rtoMs)} ms (${seconds} s)\n`);
    }
  } finally {
    // What was measured before something went wrong counts too.
    samples = await withPhases(cluster, told);
    if (o.keep !== undefined) for (const sample of samples) appendFileSync(o.keep, `${JSON.stringify(sample)}\n`);
    await flow.finish();
  }
  return samples;
}

/**
 * The exchange takes the times and stands for another host: where this user may have it so, it gets a core whenever it wants one.
 * Otherwise it reads late what came while others ran, on two cores up to a second late, and a takeover is as long as that.
 */
function favour(exchange: number): void {
  try {
    setPriority(exchange, -10);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`  the exchange, which takes the times, shares its cores evenly with the nodes: ${why}\n`);
  }
}

async function loseLeader(
  kind: LossKind,
  cluster: Cluster,
  seen: { readonly tail: AuditTail; readonly flow: Awaited<ReturnType<typeof openFlow>> },
): Promise<Told | undefined> {
  const { tail, flow } = seen;
  await untilAllBack(cluster);
  const leader = await cluster.leader();
  const { apiKey } = await accessOf(leader.configFile);
  await delay(calmMs + 100 * Math.random());
  const recovered = flow.untilEpochAfter(flow.epoch, recoverWithinMs);
  const struck = await kind.strike(cluster, leader);
  // Looking at the log costs a core's time: not before somebody trades again.
  const epoch = await recovered;
  if (epoch === undefined && (await struck.whyNone?.()) !== undefined) {
    process.stderr.write(`  ${kind.name}: ${await struck.whyNone?.()}\n`);
    return undefined;
  }
  if (epoch === undefined) {
    const last = (await readHistory(cluster.etcd.endpoints, cluster.name)).toSorted((x, y) => x.epoch - y.epoch).at(-1);
    if (last !== undefined && last.epoch === flow.epoch && last.node !== leader.id) {
      process.stderr.write(
        `  ${kind.name}: ${leader.id} was struck, but ${last.node} led already (epoch ${last.epoch}, ${last.reason})\n`,
      );
      await struck.undo();
      return undefined;
    }
    const what = `${kind.name}: ${leader.id} struck, and no order of a later epoch than ${flow.epoch} acknowledged`;
    throw new Error(`${what}${await stillness(cluster, flow, recoverWithinMs)}`);
  }
  const end = performance.now() + 5_000;
  for (;;) {
    const places = tail.read();
    const at = places.findIndex((place) => place.monoMs > struck.atMonoMs && place.apiKey !== apiKey);
    const first = places[at];
    if (first !== undefined) {
      const last = places.slice(0, at).findLast((place) => place.apiKey === apiKey);
      await struck.undo();
      return {
        kind: kind.name,
        rtoMs: first.monoMs - struck.atMonoMs,
        gapMs: first.monoMs - (last?.monoMs ?? struck.atMonoMs),
        epoch,
        faultWallMs: struck.atWallMs,
        firstWallMs: first.wallMs,
      };
    }
    if (performance.now() > end)
      throw new Error(`${kind.name}: acknowledged in epoch ${epoch}, and nothing was placed`);
    await delay(10);
  }
}

/** Waits until exactly one node says that it leads, and every node says something. */
async function untilOneLeads(cluster: Cluster): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    const said = await Promise.all(
      cluster.nodes.map(async ({ endpoint }) => {
        const answer = await fetch(`${endpoint}/leader`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
        await answer?.body?.cancel();
        return answer?.ok;
      }),
    );
    if (!said.includes(undefined) && said.filter((isLeader) => isLeader === true).length === 1) return;
    if (performance.now() > end) throw new Error("not within a minute: one node leads, and all answer");
    await delay(25);
  }
}

/**
 * Waits until one node leads and all are in sync. A former leader that has just been let go may still believe that it leads; it
 * is not the one to be lost. A supervisor whose engine has ended ten times in a row leaves it to the service manager: that is us,
 * for as long as it takes, because a leader that was let go a moment ago may end only now.
 */
async function untilAllBack(cluster: Cluster): Promise<void> {
  const isBack = new AbortController();
  const serviceManager = async (): Promise<void> => {
    while (!isBack.signal.aborted) {
      await Promise.all(cluster.nodes.filter((node) => !node.isRunning).map((node) => node.start()));
      await delay(250);
    }
  };
  const wait = async (): Promise<void> => {
    await untilOneLeads(cluster);
    // On a machine that does other things as well this may take a while.
    await cluster.untilInSync().catch(() => cluster.untilInSync());
  };
  await Promise.all([serviceManager(), wait().finally(() => isBack.abort())]);
}

/** `elect` and `promote` are the leader's own measure; what came before is `detect`, what came after `firstOrder`. */
async function withPhases(cluster: Cluster, told: readonly Told[]): Promise<readonly Sample[]> {
  const newest = told.at(-1)?.epoch;
  // A leader tells its phases when the orders flow again.
  const end = performance.now() + 3_000;
  let history = await readHistory(cluster.etcd.endpoints, cluster.name);
  while (history.find(({ epoch }) => epoch === newest)?.phases === undefined && performance.now() < end) {
    await delay(100);
    history = await readHistory(cluster.etcd.endpoints, cluster.name);
  }
  return told.map(({ faultWallMs, firstWallMs, ...sample }) => {
    const record = history.find(({ epoch }) => epoch === sample.epoch);
    const { elect, promote } = record?.phases ?? {};
    if (record === undefined || elect === undefined || promote === undefined) return sample;
    const detect = record.atWallMs - faultWallMs;
    return { ...sample, detect, elect, promote, firstOrder: firstWallMs - faultWallMs - detect - elect - promote };
  });
}

function kept(file: string): readonly Sample[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Sample);
}

function figuresOf(kind: LossKind, samples: readonly Sample[]): readonly Figure[] {
  if (samples.length === 0) return [];
  const isPlanned = kind.name === "switchover";
  const gaps = samples.map((sample) => (isPlanned ? sample.gapMs : sample.rtoMs));
  const goal = { goal: { atMost: kind.goalMs } };
  const figure = (name: string, values: readonly number[], percentile: number): Figure => {
    return { name, unit: "ms", value: ranked(values, percentile), samples: values.length };
  };
  const isMany = samples.length >= enoughForP99;
  const figures = [
    figure(`${kind.says}: p50`, gaps, 50),
    figure(`${kind.says}: p95`, gaps, 95),
    { ...figure(`${kind.says}: p99`, gaps, 99), ...goal },
    { ...figure(`${kind.says}: maximum`, gaps, 100), ...(!isMany && goal) },
  ].filter(({ name }) => isMany || !name.endsWith("p99"));
  if (isPlanned) {
    const asked = samples.map(({ rtoMs }) => rtoMs);
    figures.push(figure("  from the request to the next leader's first order: p50", asked, 50));
    figures.push(figure("  from the request to the next leader's first order: p99", asked, 99));
  }
  for (const phase of ["detect", "elect", "promote", "firstOrder"] as const) {
    const values = samples.flatMap((sample) => sample[phase] ?? []);
    if (values.length > 0)
      figures.push(figure(`  of it, ${phase}: p50`, values, 50), figure(`  of it, ${phase}: p95`, values, 95));
  }
  return figures;
}

/** The value at a percentile, by nearest rank: with few samples one of them, never something in between. */
function ranked(values: readonly number[], percentile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percentile / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}
