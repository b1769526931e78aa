/**
 * What the card speaks with: node's own HTTP, `ws` and signatures, nothing of Baton's. A request is written as the
 * venue's documents write it, and an answer is compared as it came.
 */
import { createHmac, sign as signWithKey, type KeyObject } from "node:crypto";
import { WebSocket } from "ws";

/** A key of the venue: a secret for HMAC, or a private key. */
export interface Credentials {
  readonly apiKey: string;
  readonly secret: string | KeyObject;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined when it is no JSON. */
  readonly json: unknown;
}

export type Parameters = Readonly<Record<string, string | number | boolean>>;

/** The signature of a text, hex for HMAC and base64 else. */
export function signature({ secret }: Credentials, text: string): string {
  if (typeof secret === "string") return createHmac("sha256", secret).update(text).digest("hex");
  return signWithKey(secret.asymmetricKeyType === "ed25519" ? null : "RSA-SHA256", Buffer.from(text), secret).toString(
    "base64",
  );
}

/** Name=value pairs, percent-encoded, in the order given. */
export function form(parameters: Parameters): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
}

/** Sends a request byte for byte. */
export async function send(
  url: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<Answer> {
  const { body } = options;
  const answer = await fetch(url, {
    method: options.method ?? "GET",
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Not every answer is JSON.
  }
  return { status: answer.status, headers: answer.headers, text, json };
}

/** Sends a signed request with everything in the query. */
export function sendSigned(
  origin: string,
  credentials: Credentials,
  request: {
    readonly method: string;
    readonly path: string;
    readonly parameters?: Parameters;
    readonly headers?: Record<string, string>;
  },
): Promise<Answer> {
  const text = form({ timestamp: Date.now(), ...request.parameters });
  const signed = `${text}&signature=${encodeURIComponent(signature(credentials, text))}`;
  return send(`${origin}${request.path}?${signed}`, {
    method: request.method,
    headers: { "X-MBX-APIKEY": credentials.apiKey, ...request.headers },
  });
}

export type Message = Readonly<Record<string, unknown>>;

/** A bare WebSocket that keeps what it hears. */
export class RawSocket {
  readonly heard: Message[] = [];
  closedWith: number | undefined;
  readonly #socket: WebSocket;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.heard.push(JSON.parse((data as Buffer).toString("utf8")) as Message));
    socket.on("close", (code) => (this.closedWith = code));
    socket.on("error", () => undefined);
  }

  static async open(url: string): Promise<RawSocket> {
    const socket = new WebSocket(url.replace(/^http/, "ws"));
    const raw = new RawSocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", reject);
    });
    return raw;
  }

  say(text: string): void {
    this.#socket.send(text);
  }

  /** The first message that fits, heard already or to come. */
  async first(fits: (message: Message) => boolean, withinMs = 60_000): Promise<Message> {
    const untilMs = performance.now() + withinMs;
    for (;;) {
      const found = this.heard.find(fits);
      if (found !== undefined) return found;
      if (performance.now() > untilMs) throw new Error(`not heard: ${JSON.stringify(this.heard).slice(0, 400)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Asks on the WebSocket API or on a stream connection; the answer under the same id. */
  ask(request: Message): Promise<Message> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.say(JSON.stringify({ id, ...request }));
    return this.first((one) => one["id"] === id);
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** Parameters signed for the WebSocket API: sorted by name, the key among them. */
export function signedParameters(credentials: Credentials, parameters: Parameters = {}): Parameters {
  const all: Record<string, string | number | boolean> = {
    ...parameters,
    apiKey: credentials.apiKey,
    timestamp: Date.now(),
  };
  const text = Object.keys(all)
    .sort()
    .map((name) => `${name}=${String(all[name])}`)
    .join("&");
  return { ...all, signature: signature(credentials, text) };
}
