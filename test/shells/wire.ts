/**
 * The wire on which one node dials another: a proxy on loopback that passes bytes, loses them, changes one, or resets the
 * connection after a number of them, in the middle of a message as likely as between two.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

type Way = "out" | "back";

export class Wire {
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #silent: ReadonlySet<Way> = new Set();
  #breakAfter: number | undefined;
  #flips = 0;
  #healing: NodeJS.Timeout | undefined;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** To the port of a node, which may be listened on or not. */
  static async open(targetPort: number): Promise<Wire> {
    const wire = new Wire(targetPort);
    wire.#server.listen(0, "127.0.0.1");
    await once(wire.#server, "listening");
    return wire;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resets what is connected after so many more bytes of either side. */
  breakAfter(bytes: number): void {
    this.#breakAfter = bytes;
  }

  /** Loses what is sent; what lived through it is reset when it ends, because bytes are missing. */
  silence(way: Way | "both", forMs: number): void {
    this.#silent = new Set(way === "both" ? ["out", "back"] : [way]);
    clearTimeout(this.#healing);
    this.#healing = setTimeout(() => this.heal(), forMs);
  }

  /** Changes one byte in the body of the next frame that is shipped. */
  flip(): void {
    this.#flips += 1;
  }

  heal(): void {
    clearTimeout(this.#healing);
    this.#breakAfter = undefined;
    this.#flips = 0;
    if (this.#silent.size === 0) return;
    this.#silent = new Set();
    this.#reset();
  }

  async close(): Promise<void> {
    clearTimeout(this.#healing);
    this.#reset();
    await once(this.#server.close(), "close");
  }

  #reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: Socket): void {
    const server = connect({ host: "127.0.0.1", port: this.#targetPort, noDelay: true });
    const messages = new Messages();
    this.#pass(client, server, "out", (bytes) => bytes);
    this.#pass(server, client, "back", (bytes) => messages.walk(bytes, (body) => this.#spoil(body)));
  }

  /** Changes a byte of what is the body of a frame, if one is to be changed. */
  #spoil(body: Buffer): void {
    if (this.#flips === 0 || body.length === 0) return;
    this.#flips -= 1;
    const at = body.length >> 1;
    body[at] = (body[at] ?? 0) ^ 1;
  }

  #pass(from: Socket, to: Socket, way: Way, changed: (bytes: Buffer) => Buffer): void {
    this.#sockets.add(from);
    from.on("data", (bytes: Buffer) => {
      if (this.#silent.has(way) || to.destroyed) return;
      const left = this.#breakAfter;
      if (left !== undefined && bytes.length >= left) {
        this.#breakAfter = undefined;
        to.write(bytes.subarray(0, left), () => {
          from.destroy();
          to.destroy();
        });
        return;
      }
      if (left !== undefined) this.#breakAfter = left - bytes.length;
      if (!to.write(changed(bytes))) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    });
    from.on("error", () => undefined);
    from.on("close", () => {
      this.#sockets.delete(from);
      if (this.#silent.size === 0) to.destroy();
    });
  }
}

const binary = 2;
const frameByte = 0x46;
const newline = 0x0a;

/** The WebSocket messages of the side that is dialled, as far as it takes to find the bodies of frames. */
class Messages {
  #head: number[] = [];
  #isUpgraded = false;
  #opcode = 0;
  #left = 0;
  #isFrame = false;
  #isBody = false;
  #offset = 0;

  /** Gives each piece of a frame's body to `onBody`, which may change it in place. */
  walk(bytes: Buffer, onBody: (body: Buffer) => void): Buffer {
    let at = 0;
    if (!this.#isUpgraded) {
      // The answer to the upgrade comes in one piece, and nothing before it.
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) return bytes;
      this.#isUpgraded = true;
      at = end + 4;
    }
    while (at < bytes.length) {
      if (this.#left === 0) {
        this.#head.push(bytes[at] ?? 0);
        at += 1;
        this.#open();
        continue;
      }
      const piece = bytes.subarray(at, at + this.#left);
      this.#piece(piece, onBody);
      this.#left -= piece.length;
      at += piece.length;
    }
    return bytes;
  }

  /** The head is complete: a message of so many bytes follows. */
  #open(): void {
    const [first = 0, second] = this.#head;
    if (second === undefined) return;
    const extra = second === 126 ? 2 : second === 127 ? 8 : 0;
    if (this.#head.length < 2 + extra) return;
    this.#left = extra === 0 ? second : this.#head.slice(2).reduce((sum, byte) => sum * 256 + byte, 0);
    this.#opcode = first & 0x0f;
    this.#head = [];
    this.#offset = 0;
    this.#isBody = false;
  }

  #piece(piece: Buffer, onBody: (body: Buffer) => void): void {
    if (this.#opcode !== binary) return;
    if (this.#offset === 0) this.#isFrame = piece[0] === frameByte;
    this.#offset += piece.length;
    if (!this.#isFrame) return;
    if (this.#isBody) return onBody(piece);
    const end = piece.indexOf(newline);
    if (end < 0) return;
    this.#isBody = true;
    onBody(piece.subarray(end + 1));
  }
}
