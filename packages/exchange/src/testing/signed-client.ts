/** What tests beside the code talk to an exchange with: bare HTTP with a signature, and a bare WebSocket that collects. */
import { createHmac } from "node:crypto";
import { request, type IncomingHttpHeaders } from "node:http";
import { WebSocket } from "ws";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One key's signed requests. */
export class SignedClient {
  readonly url: string;
  readonly key: string;
  readonly #secret: string;
  readonly #from: string | undefined;

  /** `from` is the local address that it speaks from, e.g. `127.0.0.2`. */
  constructor(url: string, credentials: { readonly key: string; readonly secret: string; readonly from?: string }) {
    this.url = url;
    this.key = credentials.key;
    this.#secret = credentials.secret;
    this.#from = credentials.from;
  }

  /** The signature of a text. */
  sign(text: string): string {
    return createHmac("sha256", this.#secret).update(text).digest("hex");
  }

  /** Sends parameters as they are, with a timestamp and a signature; rejects when the connection breaks. */
  send(method: string, path: string, parameters: Readonly<Record<string, string | number>> = {}): Promise<Answer> {
    const text = new URLSearchParams({
      timestamp: `${Date.now()}`,
      ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, `${value}`])),
    }).toString();
    return this.sendRaw(method, `${path}?${text}&signature=${this.sign(text)}`);
  }

  /** Sends a path and body byte for byte. */
  sendRaw(method: string, path: string, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(this.url + path, {
        method,
        agent: false,
        ...(this.#from === undefined ? {} : { localAddress: this.#from }),
        headers: {
          "X-MBX-APIKEY": this.key,
          ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
        },
      });
      sent.on("error", reject);
      sent.on("response", (response) => {
        const parts: Buffer[] = [];
        response.on("error", reject);
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString("utf8"),
          }),
        );
      });
      sent.end(body);
    });
  }

  /** A limit order that rests far below the market unless `over` says otherwise. */
  place(clientOrderId: string, over: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send("POST", "/api/v3/order", {
      symbol: "BTCUSDT",
      side: "BUY",
      type: "LIMIT",
      timeInForce: "GTC",
      quantity: "0.01",
      price: "50000",
      newClientOrderId: clientOrderId,
      ...over,
    });
  }

  /** The parameters of a signed WebSocket API request. */
  signedParameters(parameters: Readonly<Record<string, string | number>> = {}): Record<string, string | number> {
    const all: Record<string, string | number> = { ...parameters, apiKey: this.key, timestamp: Date.now() };
    const text = Object.keys(all)
      .sort()
      .map((name) => `${name}=${all[name]}`)
      .join("&");
    return { ...all, signature: this.sign(text) };
  }
}

export type Message = Readonly<Record<string, unknown>>;

/** A data frame as it came. */
export interface Heard {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
  readonly atMonoMs: number;
}

/** A WebSocket that keeps everything it hears. */
export class CollectingSocket {
  /** What was a JSON object. */
  readonly messages: Message[] = [];
  /** Every frame, whatever was in it. */
  readonly frames: Heard[] = [];
  readonly socket: WebSocket;
  closedWith: number | undefined;
  failedWith: Error | undefined;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data, isBinary) => {
      const bytes = data as Buffer;
      this.frames.push({ bytes, isBinary, atMonoMs: performance.now() });
      const message = isBinary ? undefined : objectOf(bytes.toString("utf8"));
      if (message !== undefined) this.messages.push(message);
      this.#wake();
    });
    socket.on("close", (code) => {
      this.closedWith = code;
      this.#wake();
    });
    socket.on("error", (error) => {
      this.failedWith = error;
      this.#wake();
    });
  }

  /** Connects and resolves when open. */
  static async open(
    url: string,
    headers: Readonly<Record<string, string>> = {},
    from?: string,
  ): Promise<CollectingSocket> {
    const local = from === undefined ? {} : { localAddress: from };
    const socket = new WebSocket(url.replace(/^http/, "ws"), { headers, ...local });
    const collecting = new CollectingSocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return collecting;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The first message that fits, past or to come; rejects after `withinMs`. */
  async heard(fits: (message: Message) => boolean, withinMs = 40_000): Promise<Message> {
    let found: Message | undefined;
    await this.until(() => (found = this.messages.find(fits)) !== undefined, withinMs);
    return found as Message;
  }

  /** Resolves when `isSo` holds after a message, a pong that was asked for, or the close; the bound is for what hangs. */
  until(isSo: () => boolean, withinMs = 40_000): Promise<void> {
    if (isSo()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!isSo()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`not heard within ${withinMs} ms; heard ${this.messages.length} messages`));
      }, withinMs);
      this.#waiting.add(look);
    });
  }

  /** Resolves with the pong to a ping that is sent now: whatever the other end had sent before it is here by then. */
  async ponged(): Promise<void> {
    let isHere = false;
    this.socket.once("pong", () => {
      isHere = true;
      this.#wake();
    });
    this.socket.ping();
    await this.until(() => isHere);
  }

  close(): void {
    this.socket.terminate();
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

function objectOf(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}
