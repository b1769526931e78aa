/** What the tests use of `@binance/connector`, which comes without types. */
declare module "@binance/connector" {
  type Options = Readonly<Record<string, unknown>>;
  type Reply = Promise<{ readonly status: number; readonly data: Record<string, unknown> }>;

  class Spot {
    constructor(key: string, secret: string, options: Options);
    readonly [method: string]: (...args: readonly unknown[]) => Reply;
  }

  class WebsocketStream {
    constructor(options: Options);
    trade(symbol: string): void;
    diffBookDepth(symbol: string, speed: string): void;
    userData(listenKey: string): void;
    subscribe(stream: string): void;
    disconnect(): void;
  }

  class WebsocketAPI {
    constructor(key: string, secret: string, options: Options);
    newOrder(symbol: string, side: string, type: string, options: Options): void;
    getOrder(symbol: string, options: Options): void;
    cancelOrder(symbol: string, options: Options): void;
    startUserDataStream(): void;
    sendSignatureMessage(method: string, options: Options): void;
    disconnect(): void;
  }
}
