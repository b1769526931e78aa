/** The links of one process: it dials every other node, again and again; on a link that it dialled it is the follower. */
import type { NodeId } from "@baton/core";
import { rotten } from "../world/disk.ts";
import { Stream } from "../world/stream.ts";
import type { World } from "../world/world.ts";
import type { Boot } from "./boot.ts";
import type { ServedLink } from "./leader-side.ts";
import type { ToFollower, ToLeader } from "./messages.ts";

export interface LinkHandlers {
  onMessage(peer: NodeId, message: ToFollower): void;
  onUp(peer: NodeId): void;
  onDown(peer: NodeId): void;
}

const connectMs = 1_000;

export class Links {
  readonly #world: World;
  readonly #boot: Boot;
  readonly #handlers: LinkHandlers;
  readonly #dialled = new Map<NodeId, Stream<ToLeader, ToFollower>>();
  readonly #served = new Set<Stream<ToLeader, ToFollower>>();
  #isGone = false;

  constructor(world: World, boot: Boot, handlers: LinkHandlers) {
    this.#world = world;
    this.#boot = boot;
    this.#handlers = handlers;
  }

  /** All connections of this process, those that were dialled to it included. */
  get all(): readonly Stream<ToLeader, ToFollower>[] {
    return [...this.#dialled.values(), ...this.#served];
  }

  /** What this process has dialled to a peer. */
  to(peer: NodeId): readonly Stream<ToLeader, ToFollower>[] {
    const stream = this.#dialled.get(peer);
    return stream === undefined ? [] : [stream];
  }

  dialAll(): void {
    for (const { node } of this.#world.nodes) if (node !== this.#boot.node) this.#dial(node, 0);
  }

  toLeader(peer: NodeId, message: ToLeader): boolean {
    const stream = this.#dialled.get(peer);
    if (stream?.isOpen !== true) return false;
    stream.toServer(message);
    return true;
  }

  toAll(message: ToLeader): void {
    for (const stream of this.#dialled.values()) stream.toServer(message);
  }

  drop(peer: NodeId): void {
    this.#dialled.get(peer)?.close("dropped");
  }

  /** The process is gone, or its machine. */
  gone(isPowerLost: boolean): void {
    this.#isGone = true;
    for (const stream of this.all) {
      if (isPowerLost) stream.placeGone(this.#boot.node);
      else stream.processGone(this.#boot.node);
    }
  }

  #dial(peer: NodeId, attempt: number): void {
    if (this.#isGone) return;
    const { network } = this.#world;
    const { main, node } = this.#boot;
    let isAnswered = false;
    const again = (): void => {
      const ceiling = Math.min(1_000, 20 * 2 ** attempt);
      main.after(5 + this.#world.dice.next() * ceiling, () => this.#dial(peer, attempt + 1));
    };
    main.after(connectMs, () => {
      if (isAnswered) return;
      isAnswered = true;
      again();
    });
    network.packet(node, peer, () => {
      const other = this.#world.bootOf(peer);
      if (other === undefined) {
        network.packet(peer, node, () =>
          main.run(() => {
            if (isAnswered) return;
            isAnswered = true;
            again();
          }),
        );
        return;
      }
      other.main.run(() => {
        network.packet(peer, node, () =>
          main.run(() => {
            if (isAnswered || this.#isGone) return;
            isAnswered = true;
            if (!other.main.isAlive || other.links === undefined) return again();
            this.#connect(peer, other);
          }),
        );
      });
    });
  }

  #connect(peer: NodeId, other: Boot): void {
    const { agenda, network, dice } = this.#world;
    const { node, boot, disk, main } = this.#boot;
    const leaderSide = other.serve();
    if (leaderSide === undefined || other.links === undefined) return this.#dial(peer, 1);
    const link: ServedLink = {
      node,
      boot,
      journal: disk.content.journal,
      send: (message) => stream.toClient(message),
    };
    const stream: Stream<ToLeader, ToFollower> = new Stream<ToLeader, ToFollower>({
      agenda,
      network,
      dice: dice.fork(`link ${boot} ${other.boot} ${agenda.now}`),
      rotten: rottenMessage,
      client: {
        place: node,
        process: main,
        onMessage: (message) => this.#handlers.onMessage(peer, message),
        onClosed: () => {
          if (this.#dialled.get(peer) !== stream) return;
          this.#dialled.delete(peer);
          this.#handlers.onDown(peer);
          this.#dial(peer, 1);
        },
      },
      server: {
        place: peer,
        process: other.main,
        onMessage: (message) => other.onServed(link, message),
        onClosed: () => {
          other.links?.forget(stream);
          leaderSide.down(link);
        },
      },
    });
    stream.scramble = this.#world.scrambleOf(node, peer);
    stream.rot = this.#world.rots.get(`${node}>${peer}`) ?? 0;
    this.#dialled.set(peer, stream);
    other.links.remember(stream);
    this.#handlers.onUp(peer);
    other.main.run(() => leaderSide.up(link));
  }

  remember(stream: Stream<ToLeader, ToFollower>): void {
    this.#served.add(stream);
  }

  forget(stream: Stream<ToLeader, ToFollower>): void {
    this.#served.delete(stream);
  }
}

/** A frame whose bytes change; what else is said stays as it is. */
function rottenMessage(message: ToFollower): ToFollower {
  return message.kind === "frame" ? { ...message, frame: rotten(message.frame) } : message;
}
