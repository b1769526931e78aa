/** What the tests of the streams' lies share: a lively exchange, bare sockets on it, and faults armed as from outside. */
import type { AuditFault } from "@baton/core";
import { startExchange, type RunningExchange } from "../exchange.ts";
import type { FaultRequest } from "../faults/fault.ts";
import { CollectingSocket, SignedClient, type Message } from "./signed-client.ts";

/** One exchange and everything that was opened on it. */
export class LieRig {
  readonly exchange: RunningExchange;
  readonly client: SignedClient;
  readonly #sockets: CollectingSocket[] = [];

  private constructor(exchange: RunningExchange) {
    this.exchange = exchange;
    this.client = new SignedClient(exchange.url, { key: "k", secret: "s" });
  }

  static async start(): Promise<LieRig> {
    const keys = [{ key: "k", secret: "s", account: "desk" }];
    return new LieRig(await startExchange({ seed: 5, keys, flow: { rate: 100 } }));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await this.exchange.close();
  }

  /** A bare WebSocket, here or on another exchange. */
  async open(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    url: string = this.exchange.url,
  ): Promise<CollectingSocket> {
    const socket = await CollectingSocket.open(url + path, headers);
    this.#sockets.push(socket);
    return socket;
  }

  /** A connection that is subscribed to the account. */
  async openAccount(): Promise<CollectingSocket> {
    const socket = await this.open("/ws-api/v3");
    socket.say({ id: 1, method: "userDataStream.subscribe.signature", params: this.client.signedParameters() });
    await socket.heard((one) => one["id"] === 1);
    return socket;
  }

  /** Arms as a test or a drill in another process does; the fault's id. */
  async arm(fault: FaultRequest): Promise<number> {
    const answer = await fetch(`${this.exchange.url}/__faults`, { method: "POST", body: JSON.stringify(fault) });
    if (answer.status !== 200) throw new RangeError(await answer.text());
    return ((await answer.json()) as { id: number }).id;
  }

  /** What the audit says of a fault's strikes. */
  struck(fault: string): readonly AuditFault[] {
    return this.exchange.audit().filter((one) => one.type === "fault" && one.fault === fault) as AuditFault[];
  }
}

/** Ids of the trades that a raw stream has told, in the order of their coming. */
export function tradeIds(socket: CollectingSocket): number[] {
  return socket.messages.filter((one) => one["e"] === "trade").map((one) => Number(one["t"]));
}

/** The event in an account stream's message. */
export function event(message: Message): Message {
  return (message["event"] ?? {}) as Message;
}
