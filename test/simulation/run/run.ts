/** One seed: its world, its schedule (whole, or a part of it), the faults, the healing, the judgement. */
import { Bent } from "../breaks/bent.ts";
import type { BreakName } from "../breaks/bent.ts";
import { judgeEnd, whyNotHealed } from "../checks/ending.ts";
import type { Violation } from "../checks/invariants.ts";
import { Watch } from "../checks/watch.ts";
import { catalogue } from "../faults/catalogue.ts";
import type { Stage } from "../faults/stage.ts";
import { settingOf } from "../faults/schedule.ts";
import type { Incident, Setting } from "../faults/schedule.ts";
import { Clients } from "../outside/clients.ts";
import { Operators } from "../outside/operators.ts";
import { settingsOf } from "../engine/settings.ts";
import { World } from "../world/world.ts";

/** How one run went. */
export interface Report {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly simulatedMs: number;
  readonly epochs: number;
  readonly intents: number;
  readonly accepted: number;
  readonly acknowledged: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly schedule: readonly Incident[];
  /** Things that happened in the world. */
  readonly steps: number;
}

export interface RunOptions {
  readonly breakName?: BreakName | undefined;
  /** Numbers of the incidents to keep; absent: all. */
  readonly only?: ReadonlySet<number> | undefined;
  readonly onSaid?: (line: {
    readonly at: number;
    readonly who: string;
    readonly event: string;
    readonly sentence: string;
  }) => void;
  readonly setting?: Setting;
}

const readEveryMs = 130;
/** How often somebody looks whether parents wait for a person. */
const mindEveryMs = 800;
/** How long healing may take. */
const healMs = 40_000;

export function run(seed: number, options: RunOptions = {}): Report {
  const bent = new Bent(options.breakName);
  const setting = options.setting ?? settingOf(seed, bent.favours);
  const schedule = setting.schedule.filter((one) => options.only?.has(one.n) ?? true);
  const world = new World({
    seed: `world ${seed}`,
    nodes: setting.nodes,
    settings: settingsOf(setting),
    uniqueness: setting.uniqueness,
    clocks: setting.clocks,
    bent,
    watch: (made) => new Watch(made),
    ...(options.onSaid !== undefined && { onSaid: options.onSaid }),
  });
  const clients = new Clients(world);
  const operators = new Operators(world);
  const faults: Record<string, number> = {};
  const stage = { world, clients, operators };
  for (const host of world.nodes) world.agenda.after(world.dice.between(0, 50), () => host.start());
  for (const incident of schedule) {
    world.agenda.at(incident.atMs, () => {
      faults[incident.kind] = (faults[incident.kind] ?? 0) + 1;
      world.say("fault", incident.kind, `${incident.kind} on ${incident.on} for ${incident.forMs} ms.`);
      inflict(stage, incident);
    });
  }
  clients.read(readEveryMs);
  let isClosing = false;
  operators.mindParents(mindEveryMs, () => isClosing);
  const isBroken = (): boolean => world.watch.violation !== undefined;
  world.agenda.run(setting.faultsUntilMs + 10, isBroken);
  clients.close();
  isClosing = true;
  if (!isBroken()) heal(world, clients, operators, setting);
  const { watch } = world;
  return {
    seed,
    violation: watch.violation,
    simulatedMs: world.agenda.now,
    epochs: watch.succession.epochs,
    intents: watch.orders.intents,
    accepted: watch.counts.get("accepted") ?? 0,
    acknowledged: clients.acknowledged.length,
    faults,
    counts: Object.fromEntries(watch.counts),
    schedule,
    steps: world.agenda.done,
  };
}

function inflict(stage: Stage, incident: Incident): void {
  const entry = catalogue.find((one) => one.kind === incident.kind);
  const end = entry?.inflict(stage, incident);
  if (typeof end === "function") stage.world.agenda.after(incident.forMs, end);
}

/** All faults have ended: within a bound the cluster comes to rest, and then everything must add up. */
function heal(world: World, clients: Clients, operators: Operators, setting: Setting): void {
  const { watch, agenda } = world;
  world.say("fault", "over", "All faults are over.");
  for (const host of world.nodes) {
    host.clock.correct();
    host.powerOn();
    host.start();
  }
  operators.resume();
  operators.autofailover("on");
  operators.kill("off");
  operators.acknowledge();
  operators.reAnchor();
  const until = agenda.now + healMs;
  let restedSince: number | undefined;
  let why: string | undefined = "not asked";
  for (let turn = 1; agenda.now < until && watch.violation === undefined; turn += 1) {
    agenda.run(agenda.now + 200, () => watch.violation !== undefined);
    why = whyNotHealed(world);
    // Somebody looks at what died, and lifts what was held for it.
    if (why !== undefined && turn % 4 === 0) operators.acknowledge();
    operators.replaceRefusedDisks();
    if (why === undefined) restedSince ??= agenda.now;
    else restedSince = undefined;
    // Clients that repeat themselves, and words that are still on their way: of fills in the last moment, too.
    const isQuiet = agenda.now - watch.orders.lastFillAtMs > 500;
    if (restedSince !== undefined && agenda.now - restedSince > 2_500 && isQuiet) break;
  }
  if (watch.violation !== undefined) return;
  if (why !== undefined)
    return watch.broken(why.startsWith("I14") ? "I14" : "healing", `after ${healMs / 1_000} s: ${why}`);
  if (setting.isEtcdMemberOnly && watch.succession.epochs > 1) {
    return watch.broken("I15", `${watch.succession.epochs} epochs began although only single etcd members failed`);
  }
  judgeEnd(watch, clients, operators);
}
