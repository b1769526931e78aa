/** What the tests of the futures personality share: an exchange of it, a signed client, and sockets that end with the test. */
import { startExchange, type ExchangeOptions, type RunningExchange } from "../exchange.ts";
import { CollectingSocket, SignedClient } from "./signed-client.ts";

export class FuturesRig {
  readonly exchange: RunningExchange;
  readonly client: SignedClient;
  readonly #sockets: CollectingSocket[] = [];

  private constructor(exchange: RunningExchange) {
    this.exchange = exchange;
    this.client = new SignedClient(exchange.url, { key: "k", secret: "s" });
  }

  static async start(options: Pick<ExchangeOptions, "flow" | "limits">): Promise<FuturesRig> {
    const keys = [{ key: "k", secret: "s", account: "desk" }];
    return new FuturesRig(await startExchange({ personality: "usdm", seed: 3, keys, ...options }));
  }

  async open(path: string): Promise<CollectingSocket> {
    const socket = await CollectingSocket.open(this.exchange.url + path);
    this.#sockets.push(socket);
    return socket;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await this.exchange.close();
  }
}
