/**
 * A TCP link of which the rig can take hold: a small proxy on loopback that passes bytes, or lets them vanish. Cut, it
 * behaves as a partition does to a program: open sockets stay open and silent, new ones are accepted and never answered.
 * A connection that lived through a cut is reset when the link heals, because bytes of it are missing.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** One directed link: whoever connects to `port` speaks to `target` while the link is not cut. */
export interface Link {
  readonly port: number;
  /** From now on nothing passes, in either direction or in one: `out` to the target, `back` from it. */
  cut(which?: Direction | "both"): void;
  /** New connections go to another target; those that stand are reset. */
  aim(target: string): void;
  /** Passes again; connections from before or within the cut are reset. */
  heal(): void;
  close(): Promise<void>;
}

export type Direction = "out" | "back";

/** Opens a link to `target` (`host:port`) on a free port. */
export async function openLink(target: string): Promise<Link> {
  const link = new OpenLink(target);
  await link.listen();
  return link;
}

/**
 * Ends a connection as a host that is gone does, by a reset. The kernel resets none that is just being shut down: Node then
 * leaves it open for ever, with neither `close` nor an end of its server, so that one is closed, which its peer learns as well.
 */
export function sever(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

class OpenLink implements Link {
  #host = "";
  #targetPort = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Directions in which nothing passes. */
  #cut: ReadonlySet<Direction> = new Set();

  constructor(target: string) {
    this.#aimAt(target);
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#accept(client));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#server.unref();
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cut(which: Direction | "both" = "both"): void {
    this.#cut = new Set(which === "both" ? ["out", "back"] : [which]);
  }

  heal(): void {
    if (this.#cut.size === 0) return;
    this.#cut = new Set();
    this.#reset();
  }

  aim(target: string): void {
    this.#aimAt(target);
    this.#reset();
  }

  #aimAt(target: string): void {
    const at = target.lastIndexOf(":");
    this.#host = target.slice(0, at);
    this.#targetPort = Number(target.slice(at + 1));
  }

  #reset(): void {
    for (const socket of this.#sockets) sever(socket);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), "close");
  }

  #accept(client: Socket): void {
    this.#hold(client);
    if (this.#cut.size === 2) return;
    const server = connect({ host: this.#host, port: this.#targetPort, noDelay: true, allowHalfOpen: true });
    this.#hold(server);
    this.#pass(client, server, "out");
    this.#pass(server, client, "back");
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.unref();
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #pass(from: Socket, to: Socket, direction: Direction): void {
    from.on("data", (bytes) => {
      if (this.#cut.has(direction) || to.destroyed) return;
      if (!to.write(bytes)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    });
    from.on("end", () => {
      if (!this.#cut.has(direction)) to.end();
    });
    // Also an error ends the other side, and as hard; within a cut nothing of it is noticed.
    from.on("error", () => {
      if (!this.#cut.has(direction)) sever(to);
    });
    from.on("close", () => {
      if (!this.#cut.has(direction)) to.destroySoon();
    });
  }
}
