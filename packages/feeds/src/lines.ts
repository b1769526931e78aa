/**
 * The lines of a feed: one or two that carry the same streams, each connection replaced before it ends. Where a venue has
 * its streams at two addresses a line is two connections (`Route`), each with a life of its own.
 *
 * A line that must end soon (its age, or the venue's announcement) goes on while another one is dialled beside it; when
 * that one is live, or the old one is gone, the new one takes its place and the old one is told to stop. So there is no
 * moment in which nobody listens. A line has at most one successor at a time.
 */
import type { FeedState, LineEffect, LineLoss, LineRules, LineWants, MonoMs } from "@baton/core";
import { lineState } from "@baton/core";
import type { LineDriver } from "./line-driver.ts";
import { openLineDriver } from "./line-driver.ts";
import type { LineStatus } from "./market-view.ts";
import type { Route, VenueProtocol } from "./protocol.ts";
import type { World } from "./world.ts";

/** One of the lines that a feed should have. */
export interface LineOptions {
  /** Origins of the streams instead of the feed's; the first is preferred. */
  readonly wsUrls?: readonly string[] | undefined;
  /** Address of the uplink to use, where the host has several. */
  readonly localAddress?: string | undefined;
}

/** One connection manager. Everything that belongs to its present connection ends with `connectionEnd`. */
export interface Lane {
  /** The route's name, if it has one, the line's letter and how many lives that had: `a1`, `market-b3`. */
  readonly name: string;
  readonly route: Route;
  readonly driver: LineDriver;
  connectionEnd: AbortController;
  sinceMono: MonoMs;
  openedMono: MonoMs | undefined;
  /** Its first data has been reported. */
  hasData: boolean;
  /** What the machine was told last about old data. */
  silence: string | undefined;
  isRetired: boolean;
}

/** What happens on the lines. Called synchronously. */
export interface LinesEvents {
  frame(lane: Lane, data: Buffer, atMono: MonoMs, connection: number): void;
  subscribed(lane: Lane, connection: number): void;
  moved(lane: Lane, from: FeedState, to: FeedState, sentence: string): void;
  gaveUp(lane: Lane, failures: number, sentence: string): void;
  /** The connection is gone; `isOurs` when the feed is being closed or the line was replaced in good order. */
  lost(lane: Lane, loss: LineLoss): void;
  /** The line begins, or ends for good. */
  opened(lane: Lane): void;
  retired(lane: Lane): void;
}

export interface Lines {
  /** All, successors included. */
  all(): Iterable<Lane>;
  /** The one in the best state; of several routes the best of the one that stands worst, since each is needed. */
  best(): Lane;
  /** How many there should be. */
  readonly wanted: number;
  rotations(): number;
  /** Attempts so far. */
  connections(): number;
  /** Other streams are wanted than before. */
  want(): void;
  status(nowMono: MonoMs): readonly LineStatus[];
  /** Settles when every socket is gone. */
  close(): Promise<void>;
}

interface Slot {
  /** What the names of all its lanes begin with. */
  readonly name: string;
  readonly route: Route;
  readonly options: LineOptions;
  readonly protocol: VenueProtocol;
  readonly endpoint: number;
  active: Lane;
  successor: Lane | undefined;
  lives: number;
}

/** The better a state is, the earlier it stands. */
const byWorth: readonly FeedState[] = [
  "live",
  "stale",
  "gap",
  "syncing",
  "subscribing",
  "connecting",
  "backing-off",
  "draining",
  "given-up",
  "idle",
];

/** Starts the lines. */
export function openLines(options: {
  readonly lines: readonly LineOptions[];
  /** The protocol at the line's own addresses. */
  readonly protocolOf: (line: LineOptions) => VenueProtocol;
  readonly rules: Partial<LineRules>;
  readonly wantsOf: (route: Route) => LineWants;
  readonly world: World;
  readonly heldUpMs: () => number;
  readonly events: LinesEvents;
}): Lines {
  const { lines, protocolOf, rules, wantsOf, world, heldUpMs, events } = options;
  const { clock } = world;
  const slots: Slot[] = [];
  let rotations = 0;
  let pastConnections = 0;
  let isClosing = false;
  const retiring = new Set<Lane>();

  const openLane = (slot: Omit<Slot, "active">): Lane => {
    slot.lives += 1;
    const { route } = slot;
    const name = `${slot.name}${slot.lives}`;
    const driver = openLineDriver({
      protocol: slot.protocol,
      route,
      rules: { ...slot.protocol.lineRules, ...rules },
      wants: wantsOf(route),
      world,
      name,
      endpoint: slot.endpoint,
      localAddress: slot.options.localAddress,
      heldUpMs,
      events: {
        frame: (data, atMono, connection) => events.frame(lane, data, atMono, connection),
        subscribed: (connection) => events.subscribed(lane, connection),
        effect: (effect) => onEffect(slot as Slot, lane, effect),
      },
    });
    const lane: Lane = {
      name,
      route,
      driver,
      connectionEnd: new AbortController(),
      sinceMono: clock.mono(),
      openedMono: undefined,
      hasData: false,
      silence: undefined,
      isRetired: false,
    };
    events.opened(lane);
    return lane;
  };

  const onEffect = (
    slot: Slot,
    lane: Lane,
    effect: Extract<LineEffect, { type: "lost" | "moved" | "gave-up" | "replace" }>,
  ): void => {
    switch (effect.type) {
      case "moved":
        lane.sinceMono = clock.mono();
        if (effect.to === "subscribing") lane.openedMono ??= clock.mono();
        events.moved(lane, effect.from, effect.to, effect.sentence);
        if (effect.to === "live" && lane === slot.successor) {
          promote(slot, { cause: "rotation", sentence: "another connection has taken its place" });
        }
        if (effect.to === "idle" && lane.isRetired) retire(lane);
        break;
      case "replace":
        if (isClosing || lane.isRetired || slot.successor !== undefined || lane !== slot.active) break;
        replacing.set(lane, { cause: effect.cause, sentence: effect.sentence });
        slot.successor = openLane(slot);
        slot.successor.driver.input({ type: "start" });
        break;
      case "gave-up":
        events.gaveUp(lane, effect.failures, effect.sentence);
        break;
      case "lost":
        lane.connectionEnd.abort();
        lane.connectionEnd = new AbortController();
        lane.openedMono = undefined;
        lane.hasData = false;
        lane.silence = undefined;
        events.lost(lane, effect);
        // The old one went before the new one was live: it need not come back, the new one is on its way.
        if (lane === slot.active && slot.successor !== undefined) promote(slot, effect);
        break;
      default:
        break;
    }
  };
  /** Why each line that is being replaced is. */
  const replacing = new Map<Lane, LineLoss>();

  const promote = (slot: Slot, fallback: LineLoss): void => {
    const { active, successor } = slot;
    if (successor === undefined) return;
    slot.active = successor;
    slot.successor = undefined;
    rotations += 1;
    active.isRetired = true;
    // It dials no more.
    pastConnections += active.driver.line().connections;
    retiring.add(active);
    active.driver.input({ type: "stop", because: replacing.get(active) ?? fallback });
    replacing.delete(active);
  };
  const retire = (lane: Lane): void => {
    lane.connectionEnd.abort();
    void lane.driver.ended().then(() => retiring.delete(lane));
    events.retired(lane);
  };

  for (const [at, line] of lines.entries()) {
    const letter = String.fromCharCode("a".charCodeAt(0) + at);
    const protocol = protocolOf(line);
    for (const route of protocol.routes) {
      const slot = {
        name: route.name === undefined ? letter : `${route.name}-${letter}`,
        route,
        options: line,
        protocol,
        // Two lines with the same addresses begin at different ones.
        endpoint: at,
        successor: undefined,
        lives: 0,
      };
      slots.push(Object.assign(slot, { active: openLane(slot) }));
    }
  }

  const lanes = function* (): Iterable<Lane> {
    for (const { active, successor } of slots) {
      yield active;
      if (successor !== undefined) yield successor;
    }
  };
  const rankOf = (lane: Lane): number => byWorth.indexOf(lineState(lane.driver.line()));

  return {
    all: lanes,
    wanted: lines.length,
    rotations: () => rotations,
    connections() {
      let sum = pastConnections;
      for (const lane of lanes()) sum += lane.driver.line().connections;
      return sum;
    },
    best() {
      const ofRoutes = new Map<string | undefined, Lane>();
      for (const lane of lanes()) {
        const best = ofRoutes.get(lane.route.name);
        if (best === undefined || rankOf(lane) < rankOf(best)) ofRoutes.set(lane.route.name, lane);
      }
      const [first, ...others] = ofRoutes.values();
      let worst = first as Lane;
      for (const lane of others) if (rankOf(lane) > rankOf(worst)) worst = lane;
      return worst;
    },
    want() {
      for (const lane of lanes()) lane.driver.input({ type: "want", wants: wantsOf(lane.route) });
    },
    status: (nowMono) =>
      [...lanes()].map((lane) => {
        const line = lane.driver.line();
        const slot = slots.find(({ active, successor }) => active === lane || successor === lane);
        return {
          line: lane.name,
          url: lane.driver.url(),
          localAddress: slot?.options.localAddress,
          state: lineState(line),
          reason: line.sentence,
          sinceMono: lane.sinceMono,
          failuresInRow: line.failures,
          ageMs: lane.openedMono === undefined ? undefined : nowMono - lane.openedMono,
          isSuccessor: slot?.successor === lane,
        };
      }),
    async close() {
      isClosing = true;
      const open = [...lanes()];
      for (const lane of open) {
        lane.connectionEnd.abort();
        lane.driver.input({ type: "stop" });
      }
      await Promise.all([...open, ...retiring].map((lane) => lane.driver.ended()));
    },
  };
}
