/**
 * ccxt as it comes from its package, pointed at a local exchange by the settings that any user of it has: addresses and
 * options, no code of ours inside it.
 */
import ccxt from "ccxt";
import type { binance } from "ccxt";

/** Addresses of a Binance-like exchange. */
export interface Addresses {
  /** e.g. `http://127.0.0.1:8080` */
  readonly url: string;
}

/** A `ccxt.pro` Binance that speaks to `addresses` and to nothing else. */
export async function unmodifiedCcxt(
  addresses: Addresses,
  credentials: { readonly apiKey: string; readonly secret: string },
): Promise<binance> {
  const client = new ccxt.pro.binance({
    ...credentials,
    enableRateLimit: false,
    timeout: 10_000,
    newUpdates: true,
    options: { fetchMarkets: { types: ["spot"] }, fetchMargins: false, defaultType: "spot" },
  });
  return pointed(client, addresses);
}

/** ccxt's Binance USDⓈ-M, REST and WebSockets. */
export type CcxtFutures = InstanceType<typeof ccxt.pro.binanceusdm>;

/** A `ccxt.pro` Binance USDⓈ-M that speaks to `addresses` and to nothing else. */
export async function unmodifiedCcxtFutures(
  addresses: Addresses,
  credentials: { readonly apiKey: string; readonly secret: string },
): Promise<CcxtFutures> {
  const client = new ccxt.pro.binanceusdm({
    ...credentials,
    enableRateLimit: false,
    timeout: 10_000,
    newUpdates: true,
  });
  return pointed(client, addresses);
}

async function pointed<Client extends binance>(client: Client, addresses: Addresses): Promise<Client> {
  client.has["fetchCurrencies"] = false;
  const sockets = addresses.url.replace(/^http/, "ws");
  client.urls["api"] = withOrigin(client.urls["api"], addresses.url, sockets) as typeof client.urls.api;
  // Plain ws:// is only spoken when the proxy agents were loaded, even when there is no proxy.
  await client.loadHttpProxyAgent();
  return client;
}

/** Every address in ccxt's table with its path kept and its origin replaced. */
function withOrigin(table: unknown, origin: string, sockets: string): unknown {
  if (typeof table === "string") {
    if (table.startsWith("ws")) return table.replace(/^wss?:\/\/[^/]+/, sockets);
    return table.replace(/^https?:\/\/[^/]+/, origin);
  }
  if (typeof table !== "object" || table === null) return table;
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, withOrigin(value, origin, sockets)]));
}
