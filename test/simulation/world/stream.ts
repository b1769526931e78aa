/**
 * A connection between two processes as TCP gives it: in order, nothing lost while it stands, nothing of it after its end.
 * Loss and cuts make it late (what was sent is sent again when the path is back). An end that dies is noticed at once when
 * its machine can say so, else only by silence. `scramble` is a broken middlebox: messages doubled, swapped or lost one by
 * one; it ends with the connection. `rot` changes bytes that TCP's own sum does not catch.
 */
import type { Agenda } from "./agenda.ts";
import type { Dice } from "./dice.ts";
import { lossMax } from "./network.ts";
import type { Network } from "./network.ts";
import type { Process } from "./process.ts";

/** One end: the process, its place, and what it does with a message and with the end. */
export interface StreamEnd<In> {
  readonly place: string;
  readonly process: Process;
  readonly onMessage: (message: In) => void;
  readonly onClosed: (why: string) => void;
}

/** An end that hears nothing for so long gives the connection up. */
const deadMs = 3_000;
const pingMs = 500;
const resendMs = 200;

interface Direction {
  lastArrival: number;
  /** Sent while the path was cut. */
  held: (() => void)[];
}

export class Stream<ToServer, ToClient> {
  isOpen = true;
  scramble = 0;
  /** Share of messages to the client whose bytes change on the way. */
  rot = 0;
  readonly #agenda: Agenda;
  readonly #network: Network;
  readonly #dice: Dice;
  readonly #client: StreamEnd<ToClient>;
  readonly #server: StreamEnd<ToServer>;
  readonly #up: Direction = { lastArrival: 0, held: [] };
  readonly #down: Direction = { lastArrival: 0, held: [] };
  readonly #rotten: (message: ToClient) => ToClient;
  readonly #heard = { client: 0, server: 0 };
  /** Ends that know that it is over: nothing more reaches them. */
  readonly #gone = { client: false, server: false };

  constructor(o: {
    agenda: Agenda;
    network: Network;
    dice: Dice;
    client: StreamEnd<ToClient>;
    server: StreamEnd<ToServer>;
    /** The message with some of its bytes changed; itself when it holds none that matter. */
    rotten: (message: ToClient) => ToClient;
  }) {
    this.#agenda = o.agenda;
    this.#network = o.network;
    this.#dice = o.dice;
    this.#client = o.client;
    this.#server = o.server;
    this.#rotten = o.rotten;
    const { client, server } = o;
    this.#heard.client = client.process.clock.mono();
    this.#heard.server = server.process.clock.mono();
    const watch = (end: StreamEnd<never>, who: "client" | "server"): void => {
      const stop = end.process.every(pingMs, () => {
        if (!this.isOpen) return stop();
        if (end.process.clock.mono() - this.#heard[who] > deadMs) this.close("silent for too long", who);
        else if (who === "client") this.#carry(this.#up, client, server, () => this.#hear("server"));
        else this.#carry(this.#down, server, client, () => this.#hear("client"));
      });
    };
    watch(client, "client");
    watch(server, "server");
  }

  toServer(message: ToServer): void {
    if (!this.isOpen) return;
    this.#message(this.#up, this.#client, this.#server, () => {
      if (this.#gone.server) return;
      this.#hear("server");
      this.#server.onMessage(message);
    });
  }

  toClient(message: ToClient): void {
    if (!this.isOpen) return;
    const arriving = this.rot > 0 && this.#dice.chance(this.rot) ? this.#rotten(message) : message;
    this.#message(this.#down, this.#server, this.#client, () => {
      if (this.#gone.client) return;
      this.#hear("client");
      this.#client.onMessage(arriving);
    });
  }

  /** An end lets go; the other one learns of it over the path, or by its own silence. */
  close(why: string, by: "client" | "server" = "client"): void {
    if (!this.isOpen) return;
    const [own, other] = by === "client" ? [this.#client, this.#server] : [this.#server, this.#client];
    this.#end(own, other, why);
    own.process.run(() => this.#tellEnd(own, why));
  }

  /** The path may be back: what was held leaves. */
  resume(): void {
    for (const [direction, from, to] of [
      [this.#up, this.#client, this.#server],
      [this.#down, this.#server, this.#client],
    ] as const) {
      if (direction.held.length === 0 || this.#network.isCut(from.place, to.place)) continue;
      const held = direction.held;
      direction.held = [];
      const at = Math.max(direction.lastArrival, this.#agenda.now + this.#dice.between(1, resendMs));
      direction.lastArrival = at;
      this.#agenda.at(at, () => {
        for (const arrive of held) if (this.isOpen) to.process.run(arrive);
      });
    }
  }

  /** A process on a machine that lives has ended: the machine says so. */
  processGone(place: string): void {
    const [own, other] = place === this.#client.place ? [this.#client, this.#server] : [this.#server, this.#client];
    this.#end(own, other, "the peer's process has ended");
  }

  /** A machine is gone and says nothing. */
  placeGone(place: string): void {
    if (!this.isOpen) return;
    const other = place === this.#client.place ? this.#server : this.#client;
    this.isOpen = false;
    this.#agenda.after(deadMs + pingMs, () => other.process.run(() => this.#tellEnd(other, "silent for too long")));
  }

  #end(own: StreamEnd<never>, other: StreamEnd<never>, why: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#up.held = [];
    this.#down.held = [];
    const isTold = !this.#network.isCut(own.place, other.place);
    const delay = isTold ? this.#network.delayOf(this.#network.path(own.place, other.place)) : deadMs + pingMs;
    this.#agenda.after(delay, () =>
      other.process.run(() => this.#tellEnd(other, isTold ? why : "silent for too long")),
    );
  }

  #tellEnd(end: StreamEnd<never>, why: string): void {
    this.#gone[end === this.#client ? "client" : "server"] = true;
    end.onClosed(why);
  }

  #hear(who: "client" | "server"): void {
    const end = who === "client" ? this.#client : this.#server;
    this.#heard[who] = end.process.clock.mono();
  }

  #message(direction: Direction, from: StreamEnd<never>, to: StreamEnd<never>, arrive: () => void): void {
    if (this.scramble === 0 || !this.#dice.chance(this.scramble)) return this.#carry(direction, from, to, arrive);
    const fate = this.#dice.below(3);
    if (fate === 0) return;
    if (fate === 1) this.#carry(direction, from, to, arrive);
    // Out of order: it travels beside the stream.
    this.#agenda.after(this.#dice.between(0, 150), () => {
      if (this.isOpen && !this.#network.isCut(from.place, to.place)) to.process.run(arrive);
    });
  }

  #carry(direction: Direction, from: StreamEnd<never>, to: StreamEnd<never>, arrive: () => void): void {
    if (direction.held.length > 0 || this.#network.isCut(from.place, to.place)) {
      direction.held.push(arrive);
      return;
    }
    const path = this.#network.path(from.place, to.place);
    let delay = this.#network.delayOf(path);
    while (path.loss > 0 && this.#dice.chance(Math.min(path.loss, lossMax))) delay += resendMs;
    const at = Math.max(direction.lastArrival, this.#agenda.now + delay);
    direction.lastArrival = at;
    this.#agenda.at(at, () => {
      if (!this.isOpen) return;
      // Cut while it was under way: sent again when the path is back.
      if (this.#network.isCut(from.place, to.place)) direction.held.push(arrive);
      else to.process.run(arrive);
    });
  }
}
