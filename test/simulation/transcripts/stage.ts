/**
 * A stage on which the stories are played: a small world without chance's faults, moved by hand, and everything that is
 * said on it as lines. The same story gives the same lines, so a transcript that changes shows a change of the protocol.
 */
import { id } from "@baton/core";
import type { NodeId } from "@baton/core";
import { Watch } from "../checks/watch.ts";
import { settingsOf } from "../engine/settings.ts";
import type { Boot } from "../engine/boot.ts";
import { Clients } from "../outside/clients.ts";
import { Operators } from "../outside/operators.ts";
import { etcdAt } from "../world/network.ts";
import type { Host } from "../world/host.ts";
import { World } from "../world/world.ts";

/** A story: what it is about, how its world is, and what is done. */
export interface Story {
  /** Name of the file. */
  readonly name: string;
  readonly title: string;
  /** What a reader should see in it. */
  readonly about: string;
  readonly nodes?: readonly string[];
  readonly preempt?: boolean;
  readonly durability?: "strict" | "available";
  readonly failsafe?: boolean;
  /** A story that shows what must never happen breaks an invariant, and says which. */
  readonly breaks?: boolean;
  readonly play: (stage: StoryStage) => void;
}

/** The story as a text for people. */
export function transcript(story: Story): string {
  const lines: string[] = [];
  const stage = new StoryStage(story, (line) => lines.push(line));
  try {
    story.play(stage);
  } catch (error) {
    throw new Error(`${story.name}: ${String(error)}\n${lines.join("\n")}`, { cause: error });
  }
  const { violation } = stage.world.watch;
  if (violation !== undefined && story.breaks !== true) {
    throw new Error(`the story ${story.name} breaks ${violation.invariant}: ${violation.sentence}`);
  }
  if (violation !== undefined) lines.push("", `The checks say: ${violation.invariant}, ${violation.sentence}.`);
  return [`# ${story.title}`, "#", ...wrapped(story.about).map((line) => `# ${line}`), ...lines, ""].join("\n");
}

export class StoryStage {
  readonly world: World;
  readonly clients: Clients;
  readonly operators: Operators;
  readonly #say: (line: string) => void;
  #isMuted = false;

  constructor(story: Story, say: (line: string) => void) {
    this.#say = say;
    const nodes = story.nodes ?? ["a", "b", "c"];
    this.world = new World({
      seed: `story ${story.name}`,
      nodes,
      settings: settingsOf({
        preempt: story.preempt ?? true,
        durability: story.durability ?? "strict",
        positionMax: 50,
        failsafe: story.failsafe ?? false,
      }),
      uniqueness: "none",
      clocks: nodes.map(() => ({ rate: 1, wallOffsetMs: 0 })),
      watch: (world) => new Watch(world),
      onSaid: ({ at, who, sentence }) => {
        if (who === "fault" || this.#isMuted) return;
        this.#say(`${(at / 1_000).toFixed(2).padStart(7)} s  ${who.padEnd(8)}  ${sentence}`);
      },
    });
    this.clients = new Clients(this.world);
    this.operators = new Operators(this.world);
  }

  /** What the one who plays it says and does next. */
  tell(text: string): void {
    this.#say("");
    for (const line of wrapped(text)) this.#say(`-- ${line}`);
    this.#say("");
  }

  /** Lets the world go on for so long. */
  pass(ms: number): void {
    this.world.agenda.run(this.world.agenda.now + ms);
  }

  /** Lets the world go on until something is so; throws when that takes more than 20 s. */
  until(what: string, isSo: () => boolean): void {
    const end = this.world.agenda.now + 20_000;
    if (!isSo()) this.world.agenda.run(end, isSo);
    if (!isSo()) throw new Error(`within 20 s not: ${what}`);
  }

  /** Starts `first`, lets it win, then the others join and all are in sync; a few orders are on record. Told in one line. */
  begin(first = "a"): void {
    this.#isMuted = true;
    this.host(first).start();
    this.until(`${first} leads`, () => this.boot(first)?.isLeading === true);
    for (const host of this.world.nodes) host.start();
    this.until("all are in sync", () => this.inSync().length === this.world.nodes.length);
    this.orders(3);
    this.pass(500);
    this.#isMuted = false;
    const others = this.world.nodes.map(({ node }) => node).filter((node) => node !== first);
    this.#say(
      `          ${first} leads epoch 1; ${others.join(" and ")} ${others.length > 1 ? "follow" : "follows"}, in sync.`,
    );
  }

  host(node: string): Host {
    return this.world.host(id<NodeId>(node));
  }

  boot(node: string): Boot | undefined {
    return this.host(node).boot;
  }

  leader(): Boot {
    const leader = this.world.leader();
    if (leader === undefined) throw new Error("nobody leads");
    return leader;
  }

  /** Until some node leads an open epoch above this one. */
  untilEpoch(epoch: number): void {
    const isOpen = (boot: Boot): boolean => boot.isLeading && (boot.leadership?.leading?.epoch ?? 0) >= epoch;
    this.until(`epoch ${epoch} is open`, () => this.world.boots().some(isOpen));
  }

  inSync(): readonly string[] {
    return this.world.etcd.store.insync.value.members.map((m) => m.node);
  }

  /** So many orders of clients, one after the other. */
  orders(count: number): void {
    for (let made = 0; made < count; made += 1) {
      this.clients.order(made % 2 === 0 ? "buy" : "sell");
      this.pass(20);
    }
  }

  freeze(node: string): () => void {
    const boot = this.boot(node);
    boot?.main.stop();
    boot?.keeperThread.stop();
    return () => {
      boot?.keeperThread.go();
      boot?.main.go();
    };
  }

  /** Cuts both directions between each pair. */
  cut(...pairs: readonly (readonly [string, string])[]): () => void {
    const all = pairs.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]);
    for (const [from, to] of all) this.world.network.cut(from, to);
    return () => {
      for (const [from, to] of all) this.world.network.heal(from, to);
      for (const boot of this.world.boots()) for (const stream of boot.links?.all ?? []) stream.resume();
    };
  }

  cutFromEtcd(node: string): () => void {
    return this.cut(...["a", "b", "c"].map((member) => [node, etcdAt(member)] as const));
  }

  /** What etcd holds, and where each journal ends. */
  show(): void {
    const { epoch, leader, insync } = this.world.etcd.store;
    const led = leader === undefined ? "nobody leads" : `${leader.value.node} leads`;
    const set = `{${this.inSync().join(", ")}} at version ${insync.value.version}`;
    this.#say(`          etcd      epoch ${epoch.value}, ${led}, the in-sync set is ${set}`);
    for (const { node, disk } of this.world.nodes) {
      const { promised, frames, commit } = disk.content;
      const cut = disk.content.quarantine.length;
      const quarantine = cut === 0 ? "" : `, ${cut} frames in quarantine`;
      this.#say(
        `          disk of ${node} ends at ${frames.at(-1)?.last ?? 0}, committed ${commit}, promised epoch ${promised.epochMax}${quarantine}`,
      );
    }
  }
}

function wrapped(text: string): string[] {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last.length + word.length > 108) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
