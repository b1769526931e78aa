/**
 * Paths between places: each direction has its delay, and can lose, or be cut. A path that is cut loses what is on it.
 * What is built on it decides what a loss means: a stream (`stream.ts`) sends again and only becomes slow, a single
 * request is gone.
 */
import type { Agenda } from "./agenda.ts";
import type { Dice } from "./dice.ts";

export interface Path {
  /** How many faults cut it. */
  cuts: number;
  /** Least delay in ms, one way. */
  delayMs: number;
  jitterMs: number;
  /** Share of packets that are lost, by all faults together. */
  loss: number;
}

/** Faults add up; what loses everything is a cut, and not drawn as a loss. */
export const lossMax = 0.9;

export class Network {
  readonly #agenda: Agenda;
  readonly #dice: Dice;
  readonly #paths = new Map<string, Path>();
  readonly #onHealed: (() => void)[] = [];

  constructor(agenda: Agenda, dice: Dice) {
    this.#agenda = agenda;
    this.#dice = dice;
  }

  /** The path from one place to another; a place reaches itself at once and always. */
  path(from: string, to: string): Path {
    const name = `${from}>${to}`;
    let path = this.#paths.get(name);
    if (path === undefined) {
      path = { cuts: 0, delayMs: from === to ? 0.05 : 0.3, jitterMs: from === to ? 0.05 : 0.3, loss: 0 };
      this.#paths.set(name, path);
    }
    return path;
  }

  /** What is cut between two machines is cut for every service on them; a service can be cut off on its own. */
  isCut(from: string, to: string): boolean {
    if (this.path(from, to).cuts > 0) return true;
    const [a, b] = [machineOf(from), machineOf(to)];
    return a !== b && (a !== from || b !== to) && this.path(a, b).cuts > 0;
  }

  /** A packet: arrives after the path's delay, or never. */
  packet(from: string, to: string, arrive: () => void): void {
    const path = this.path(machineOf(from), machineOf(to));
    if (this.isCut(from, to) || this.isLost(path)) return;
    this.#agenda.after(this.delayOf(path), () => {
      if (!this.isCut(from, to)) arrive();
    });
  }

  /** Bytes in a kernel's buffer: lost packets are sent again, and a cut is waited out for up to `patienceMs`. */
  patient(from: string, to: string, patienceMs: number, arrive: () => void): void {
    const path = this.path(from, to);
    const giveUpAt = this.#agenda.now + patienceMs;
    const attempt = (): void => {
      if (this.#agenda.now > giveUpAt) return;
      if (this.isCut(from, to) || this.isLost(path)) {
        return this.#agenda.after(this.#dice.between(150, 400), attempt);
      }
      this.#agenda.after(this.delayOf(path), arrive);
    };
    attempt();
  }

  /** Whether a packet is lost on it, this time. */
  isLost({ loss }: Path): boolean {
    return loss > 0 && this.#dice.chance(Math.min(loss, lossMax));
  }

  /** One way, this time. */
  delayOf(path: Path): number {
    return path.delayMs + this.#dice.next() * path.jitterMs;
  }

  cut(from: string, to: string): void {
    this.path(from, to).cuts += 1;
    this.#tell();
  }

  heal(from: string, to: string): void {
    const path = this.path(from, to);
    if (path.cuts > 0) path.cuts -= 1;
    this.#tell();
  }

  /** Called whenever a path was cut or healed. */
  onChange(listener: () => void): void {
    this.#onHealed.push(listener);
  }

  #tell(): void {
    for (const listener of this.#onHealed) listener();
  }
}

/** The name of etcd's member on a machine. */
export function etcdAt(machine: string): string {
  return `etcd@${machine}`;
}

function machineOf(place: string): string {
  return place.startsWith("etcd@") ? place.slice(5) : place;
}
