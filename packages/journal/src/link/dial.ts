/**
 * Dialling a peer and never giving up: full jitter from a small base, because a standby that is back a second late is a
 * second without a copy, and a cap, because a dead host is asked for ever. A peer that turned us away for what we are
 * (another cluster, another format) is asked slowly. Who may speak of what is decided above; here is only the wire.
 */
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { Connection, linkLiveness, messageBytesMax } from "./connection.ts";
import type { Liveness } from "./connection.ts";
import { decodeBinary, decodeToFollower } from "./messages.ts";
import type { BinaryMessage, Introduction, ToFollower, ToLeader } from "./messages.ts";
import { mendOwnCertificate, misfitOf, ownCertificateOf, refusalHeader } from "./security.ts";
import type { LinkSecurity } from "./security.ts";

export interface DialOptions {
  /** `host:port`. */
  readonly address: string;
  readonly me: () => Introduction;
  /** Sent as the Authorization header. */
  readonly authorization?: string | undefined;
  /** TLS with a certificate of this node; the peer must prove to be the node it introduces itself as. Absent: plain. */
  readonly security?: LinkSecurity | undefined;
  readonly liveness?: Liveness | undefined;
  /** The peer has introduced itself; messages follow. */
  readonly onUp: (peer: Introduction) => void;
  readonly onMessage: (message: ToFollower) => void;
  readonly onBinary: (message: BinaryMessage) => void;
  /** The connection ended, or could not be made. `wasUp`: `onUp` had been called for it. */
  readonly onDown: (why: string, wasUp: boolean) => void;
  /** The two ends do not fit each other (TLS, certificates), which an operator has to mend. Said at each attempt. */
  readonly onMisfit?: ((sentence: string) => void) | undefined;
}

const backoffBaseMs = 20;
const backoffCapMs = 1000;
const backoffRefusedMs = 5000;
const connectMs = 1000;
/** So many connections in a row that were closed before a word, and the peer is taken for one that speaks TLS only. */
const hangUpsOdd = 3;

/** Dials until closed. */
export function dialLink(options: DialOptions): DialledLink {
  return new DialledLink(options);
}

export class DialledLink {
  readonly #options: DialOptions;
  #connection: Connection | undefined;
  #socket: WebSocket | undefined;
  #retrying: NodeJS.Timeout | undefined;
  #attempt = 0;
  #isUp = false;
  #isRefused = false;
  #isClosed = false;
  #hangUps = 0;

  constructor(options: DialOptions) {
    this.#options = options;
    this.#dial();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get rttMs(): number | undefined {
    return this.#connection?.rttMs;
  }

  /** False when the link is down and the message was not sent. */
  send(message: ToLeader): boolean {
    if (!this.#isUp) return false;
    this.#connection?.send(message);
    return true;
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  /** Ends this connection and dials anew, backing off. */
  drop(why: string): void {
    this.#connection?.close(why);
  }

  /** Ends it for good. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retrying);
    this.#connection?.close("closed here");
    this.#socket?.terminate();
  }

  #dial(): void {
    const { address, authorization, security } = this.#options;
    const socket = new WebSocket(`${security === undefined ? "ws" : "wss"}://${address}/link`, {
      perMessageDeflate: false,
      handshakeTimeout: connectMs,
      maxPayload: messageBytesMax,
      headers: authorization === undefined ? {} : { authorization },
      ...security?.identity(),
    });
    this.#socket = socket;
    let failure: string | undefined;
    let peer: Duplex | undefined;
    const onError = (error: Error): void => {
      failure ??= this.#misfit(error) ?? error.message;
    };
    const onClose = (): void => this.#retry(failure ?? "could not connect", false);
    socket.on("error", onError);
    socket.once("close", onClose);
    socket.once("unexpected-response", (_request, response) => {
      const said = response.headers[refusalHeader];
      failure = `it answered ${response.statusCode}`;
      if (typeof said === "string") {
        failure = `it refused this node: ${said}`;
        this.#misfitIs(`${failure}; ${mendOwnCertificate}`);
      }
      socket.terminate();
    });
    socket.once("upgrade", (response) => void (peer = response.socket));
    socket.once("open", () => {
      socket.off("close", onClose);
      socket.off("error", onError);
      this.#hangUps = 0;
      this.#connection = new Connection(
        socket,
        {
          onText: (text) => this.#onMessage(decodeToFollower(text), peer),
          onBinary: (bytes) => {
            if (this.#isUp) this.#options.onBinary(decodeBinary(bytes));
          },
          onClosed: (said, isRefusal) => {
            const wasUp = this.#isUp;
            this.#isUp = false;
            this.#connection = undefined;
            // A link is refused in so few words for one thing: the name and the certificate are not of one node.
            const why = isRefusal ? `it refused this node: ${said}` : said;
            if (isRefusal) this.#misfitIs(`${why}; ${ownCertificateOf(this.#options.me().node)}`);
            this.#retry(why, wasUp);
          },
        },
        this.#options.liveness ?? linkLiveness,
      );
      this.#connection.send({ kind: "introduce", who: this.#options.me() } satisfies ToLeader);
    });
  }

  #misfit(error: NodeJS.ErrnoException): string | undefined {
    const isSecure = this.#options.security !== undefined;
    // TLS that is spoken to in plain words just hangs up, and so does a peer that dies: a few in a row are no accident.
    const isHangUp = !isSecure && error.code === "ECONNRESET";
    this.#hangUps = isHangUp ? this.#hangUps + 1 : 0;
    const sentence =
      this.#hangUps >= hangUpsOdd
        ? "it hangs up before a word, as one does that speaks TLS only: api.tls is not set here"
        : misfitOf(error, { isSecure });
    if (sentence !== undefined) this.#misfitIs(sentence);
    return sentence;
  }

  #misfitIs(sentence: string): void {
    this.#isRefused = true;
    this.#options.onMisfit?.(sentence);
  }

  #onMessage(message: ToFollower, peer: Duplex | undefined): void {
    if (this.#isClosed) return;
    if (message.kind === "introduced") {
      const why = this.#whyNot(message.who, peer);
      if (why !== undefined) {
        this.#misfitIs(why.advice === undefined ? why.sentence : `${why.sentence}; ${why.advice}`);
        this.#connection?.refuse(why.sentence);
        return;
      }
      this.#isUp = true;
      this.#isRefused = false;
      this.#attempt = 0;
      this.#options.onUp(message.who);
      return;
    }
    if (message.kind === "refused" && !this.#isUp) this.#isRefused = true;
    this.#options.onMessage(message);
  }

  /** Undefined when the peer has proved to be who it says, or nobody asks for proof. */
  #whyNot(
    who: Introduction,
    peer: Duplex | undefined,
  ): { readonly sentence: string; readonly advice?: string } | undefined {
    if (this.#options.security === undefined || peer === undefined) return undefined;
    const proof = this.#options.security.nodeOf(peer);
    if (proof.kind === "refused") return { sentence: proof.sentence };
    if (proof.node === who.node) return undefined;
    return {
      sentence: `it says that it is ${who.node}, and its certificate is of ${proof.node}`,
      advice: ownCertificateOf(who.node),
    };
  }

  #retry(why: string, wasUp: boolean): void {
    if (this.#isClosed) return;
    const ceiling = this.#isRefused ? backoffRefusedMs : Math.min(backoffCapMs, backoffBaseMs * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 16);
    this.#retrying = setTimeout(() => this.#dial(), Math.random() * ceiling);
    this.#options.onDown(why, wasUp);
  }
}
