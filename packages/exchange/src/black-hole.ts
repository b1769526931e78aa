/**
 * A network that swallows: connections from some addresses stay open, and nothing passes either way. What is sent waits
 * with its sender, as TCP has it, and arrives late when the hole closes: an order may be heard long after it was written,
 * and only its validity protects from that. New connections open (the kernel sees to it) and are as silent as the others.
 */
import type { Socket } from "node:net";
import type { FaultBoard, Subject } from "./faults/fault-board.ts";

/** Holds the sockets that armed `black-hole` faults match. */
export class BlackHole {
  readonly #faults: FaultBoard;
  readonly #held = new Set<Socket>();

  constructor(faults: FaultBoard) {
    this.#faults = faults;
  }

  /** Looks at sockets again: after one has opened, and after a fault has come or gone. */
  look(sockets: Iterable<Socket>): void {
    for (const socket of sockets) {
      const fault = this.#faults.find("connect", subjectOf(socket), { names: ["black-hole"] });
      if (fault === undefined) this.#release(socket);
      else if (!this.#held.has(socket)) {
        this.#held.add(socket);
        socket.pause();
        socket.cork();
        socket.once("close", () => this.#held.delete(socket));
        this.#faults.note(fault, subjectOf(socket));
      }
    }
  }

  #release(socket: Socket): void {
    if (!this.#held.delete(socket)) return;
    socket.uncork();
    socket.resume();
  }
}

function subjectOf(socket: Socket): Subject {
  return { source: `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`, call: "*" };
}
