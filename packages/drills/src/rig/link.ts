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
  /** From now on nothing passes, in either direction. */
  cut(): void;
  /** Passes again; connections from before or within the cut are reset. */
  heal(): void;
  close(): Promise<void>;
}

/** Opens a link to `target` (`host:port`) on a free port. */
export async function openLink(target: string): Promise<Link> {
  const link = new OpenLink(target);
  await link.listen();
  return link;
}

class OpenLink implements Link {
  readonly #host: string;
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  constructor(target: string) {
    const at = target.lastIndexOf(":");
    this.#host = target.slice(0, at);
    this.#targetPort = Number(target.slice(at + 1));
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

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    if (!this.#isCut) return;
    this.#isCut = false;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server.close(), "close");
  }

  #accept(client: Socket): void {
    this.#hold(client);
    if (this.#isCut) return;
    const server = connect({ host: this.#host, port: this.#targetPort, noDelay: true, allowHalfOpen: true });
    this.#hold(server);
    this.#pass(client, server);
    this.#pass(server, client);
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.unref();
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #pass(from: Socket, to: Socket): void {
    from.on("data", (bytes) => {
      if (this.#isCut || to.destroyed) return;
      if (!to.write(bytes)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    });
    from.on("end", () => {
      if (!this.#isCut) to.end();
    });
    // Also an error ends the other side, and as hard; within a cut nothing of it is noticed.
    from.on("error", () => {
      if (!this.#isCut) to.resetAndDestroy();
    });
    from.on("close", () => {
      if (!this.#isCut) to.destroySoon();
    });
  }
}
