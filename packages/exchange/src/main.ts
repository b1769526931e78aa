/**
 * The exchange as a process of its own: options in, one JSON line out when it listens, a clean end with the audit on disk
 * at SIGTERM or SIGINT. Wrong options end it with status 2 and a sentence.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startExchange, type ExchangeOptions, type RunningExchange } from "./exchange.ts";
import type { ApiKey } from "./gateway/credentials.ts";
import type { Uniqueness } from "./matching/order-index.ts";
import type { MirrorOptions } from "./mirror/live-venue.ts";
import type { PersonalityName } from "./personality.ts";

const usage = `scripts/exchange --port N --audit FILE [--personality spot|usdm] [--name NAME] [--seed TEXT] [--uniqueness open-only|forever|none | account=rule,…]
         [--keys key:secret:account,… | key:@public.pem:account,…] [--weight-limit N] [--order-limit-10s N] [--flow-rate N] [--host ADDRESS]
         [--connection-life-ms N] [--deposits ASSET=amount,…] [--audit-prices]
         [--mirror WS_URL --mirror-rest URL --symbols BTCUSDT,… [--mirror-stale-ms N]]`;

const personalities: readonly PersonalityName[] = ["spot", "usdm"];
const rules: readonly Uniqueness[] = ["open-only", "forever", "none"];

/** One key on one account, for a first try by hand. */
const usualKeys = "demo-key:demo-secret:demo";

try {
  const words = process.argv.slice(2);
  if (words.includes("--help")) process.stdout.write(`${usage}\n`);
  else await run(readOptions(words));
} catch (error) {
  process.stderr.write(`exchange: ${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
  process.exitCode = 2;
}

async function run(options: ExchangeOptions): Promise<void> {
  const exchange = await startExchange(options);
  const sayMirrors = sayWhenChanged(exchange);
  process.stdout.write(`${JSON.stringify({ listening: exchange.url, port: exchange.port })}\n`);
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    clearInterval(sayMirrors);
    void exchange.close().then(() => process.exit(0));
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

function readOptions(words: readonly string[]): ExchangeOptions {
  const { values } = parseArgs({
    args: [...words],
    options: {
      port: { type: "string", default: "0" },
      host: { type: "string", default: "127.0.0.1" },
      audit: { type: "string" },
      "audit-prices": { type: "boolean", default: false },
      personality: { type: "string", default: "spot" },
      name: { type: "string" },
      seed: { type: "string", default: "1" },
      uniqueness: { type: "string", default: "open-only" },
      keys: { type: "string", default: usualKeys },
      "weight-limit": { type: "string" },
      "order-limit-10s": { type: "string" },
      "connection-life-ms": { type: "string" },
      "flow-rate": { type: "string", default: "20" },
      deposits: { type: "string" },
      mirror: { type: "string" },
      "mirror-rest": { type: "string" },
      "mirror-stale-ms": { type: "string" },
      symbols: { type: "string" },
    },
  });
  if (values.audit === undefined) throw new RangeError("--audit FILE is missing: it is the truth of every checker");
  const weight = values["weight-limit"];
  const orders = values["order-limit-10s"];
  const life = values["connection-life-ms"];
  return {
    port: whole("--port", values.port),
    host: values.host,
    auditFile: values.audit,
    auditsPrices: values["audit-prices"],
    personality: oneOf("--personality", values.personality, personalities),
    ...(values.name === undefined ? {} : { name: values.name }),
    seed: values.seed,
    uniqueness: readUniqueness(values.uniqueness),
    keys: values.keys.split(",").map(readKey),
    ...(values.deposits === undefined ? {} : { deposits: readDeposits(values.deposits) }),
    ...(values.mirror === undefined ? {} : { mirror: readMirror({ ...values, wsUrl: values.mirror }) }),
    flow: { rate: whole("--flow-rate", values["flow-rate"]) },
    limits: {
      ...(weight === undefined ? {} : { weightPerMinute: whole("--weight-limit", weight) }),
      ...(life === undefined ? {} : { connectionLifeMs: whole("--connection-life-ms", life) }),
      ...(orders === undefined ? {} : { ordersPerTenSeconds: whole("--order-limit-10s", orders) }),
    },
  };
}

function readMirror(values: {
  readonly wsUrl: string;
  readonly "mirror-rest"?: string | undefined;
  readonly "mirror-stale-ms"?: string | undefined;
  readonly symbols?: string | undefined;
}): MirrorOptions {
  const { wsUrl, "mirror-rest": restUrl, symbols, "mirror-stale-ms": stale } = values;
  if (restUrl === undefined) throw new RangeError("--mirror needs --mirror-rest URL: snapshots come from there");
  if (symbols === undefined) throw new RangeError("--mirror needs --symbols, e.g. BTCUSDT,ETHUSDT");
  return {
    wsUrl,
    restUrl,
    symbols: symbols.split(","),
    ...(stale === undefined ? {} : { staleAfterMs: whole("--mirror-stale-ms", stale) }),
  };
}

function readDeposits(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(",").map((one) => {
      const [asset = "", amount = ""] = one.split("=");
      if (asset === "" || !/^\d{1,15}(\.\d{1,8})?$/.test(amount)) {
        throw new RangeError(`--deposits: "${one}" is not ASSET=amount`);
      }
      return [asset, amount];
    }),
  );
}

/** Tells each change of a mirrored market as a line of its own: a paper venue that stands still says so. */
function sayWhenChanged(exchange: RunningExchange): NodeJS.Timeout {
  const said = new Map<string, string>();
  return setInterval(() => {
    for (const { symbol, state, why } of exchange.mirrors()) {
      const text = `${state} ${why ?? ""}`;
      if (said.get(symbol) === text) continue;
      said.set(symbol, text);
      process.stdout.write(`${JSON.stringify({ mirror: symbol, state, ...(why === undefined ? {} : { why }) })}\n`);
    }
  }, 250);
}

/** `key:secret:account`; of an Ed25519 or RSA key `@` and the path of its public key's PEM file stand for the secret. */
function readKey(text: string): ApiKey {
  const [key, secret, account, ...more] = text.split(":");
  if (!key || !secret || !account || more.length > 0)
    throw new RangeError(`--keys: "${text}" is not key:secret:account`);
  return { key, secret: secret.startsWith("@") ? readFileSync(secret.slice(1), "utf8") : secret, account };
}

function readUniqueness(text: string): Uniqueness | Record<string, Uniqueness> {
  if (!text.includes("=")) return oneOf("--uniqueness", text, rules);
  return Object.fromEntries(
    text.split(",").map((one) => {
      const [account = "", rule = ""] = one.split("=");
      return [account, oneOf("--uniqueness", rule, rules)];
    }),
  );
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found === undefined) throw new RangeError(`${name}: "${text}" is not one of ${allowed.join(", ")}`);
  return found;
}

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`${name}: "${text}" is not a whole number`);
  return Number(text);
}
