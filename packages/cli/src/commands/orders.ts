/**
 * `baton orders`: list, show, place and cancel (what is done to a parent, and to a doubt, stands beside it). Placing runs under a key: repeat the command with the same `--id` and
 * nothing is placed twice, whatever became of the first try.
 */
import { randomUUID } from "node:crypto";
import { checkOrderRequest } from "@baton/core";
import type { OrderView, PlaceOrderAnswer, PlaceOrderRequest } from "@baton/core";
import type { Command } from "commander";
import type { BatonClient, OrdersQuery } from "../client.ts";
import { RefusedError, UnreachableError } from "../client.ts";
import { durationMs, wholeFrom } from "../durations.ts";
import { CliEnd } from "../exit.ts";
import { clientOf, print, withTarget } from "../session.ts";
import { addDirectionCommands } from "./directions.ts";
import { viewText } from "./order-text.ts";
import { addResolveCommand } from "./resolve.ts";
import type { TargetOptions } from "../session.ts";
import { paint, table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

interface ListOptions extends TargetOptions {
  readonly all?: boolean;
  readonly parent?: string;
  readonly after?: number;
  readonly limit?: number;
}

interface PlaceOptions extends TargetOptions {
  readonly algo?: string;
  readonly venue?: string;
  readonly symbol: string;
  readonly side: string;
  readonly type?: string;
  readonly quantity: string;
  readonly price?: string;
  readonly timeInForce?: string;
  readonly sendWithin?: number;
  readonly slices?: number;
  readonly duration?: number;
  readonly aggression?: number;
  readonly limitPrice?: string;
  readonly participation?: string;
  readonly participationMax?: string;
  readonly weights?: string;
  readonly interval?: number;
  readonly sliceMin?: string;
  readonly display?: string;
  readonly takePrice?: string;
  readonly stopPrice?: string;
  readonly entryPrice?: string;
  readonly id?: string;
  readonly dryRun?: boolean;
}

/** Adds `baton orders`. */
export function addOrdersCommands(program: Command, terminal: Terminal): void {
  const orders = program.command("orders").description("list, show, place and cancel orders");
  withTarget(orders.command("list"))
    .description("orders that may still change; with --all every one there was")
    .option("--all", "every order, terminal ones too, page by page to the end")
    .option("--parent <id>", "only the children of a parent order")
    .option("--after <position>", "only orders after this one (without --all: one page)", wholeFrom(0))
    .option("--limit <count>", "orders per page", wholeFrom(1))
    .action((options: ListOptions) => list(options, terminal));
  withTarget(orders.command("show"))
    .description("one order with everything that happened to it")
    .argument("<id>", "i-42, or p-1 for a parent order")
    .action(async (id: string, options: TargetOptions) => {
      const view = await (await clientOf(options, terminal)).order(id);
      print(terminal, options, { version: 1, order: view }, () => viewText(view));
    });
  withTarget(orders.command("place"))
    .description("place an order, or a parent order with --algo; prints its id once it is durable")
    .requiredOption("--symbol <symbol>", "such as BTC/USDT")
    .requiredOption("--side <side>", "buy or sell")
    .requiredOption("--quantity <decimal>", "in the base currency")
    .option("--type <type>", "limit or market; default: limit where there is a price")
    .option("--price <decimal>", "for a limit order")
    .option("--time-in-force <tif>", "GTC, IOC, FOK or GTX (post only)")
    .option("--send-within <span>", "give up where it has not been sent by then; default 2s", durationMs)
    .option("--algo <name>", "twap, vwap, pov, iceberg, oco or bracket: a parent order")
    .option("--slices <count>", "twap, vwap: how many", wholeFrom(1))
    .option("--weights <list>", "vwap: one weight per slice, such as 1,2,1; default: what the feed saw", String)
    .option("--duration <span>", "twap, vwap, pov", durationMs)
    .option("--aggression <bps>", "how far through the book a child that takes is priced", wholeFrom(0))
    .option("--limit-price <decimal>", "no child beyond it; iceberg: the price it rests at")
    .option("--participation <share>", "pov: share of the volume that trades, such as 0.1")
    .option("--participation-max <share>", "twap, vwap: at most this share of the volume since the start")
    .option("--interval <span>", "pov: between two children at least", durationMs)
    .option("--slice-min <decimal>", "pov: no smaller child")
    .option("--display <decimal>", "iceberg: how much is shown")
    .option("--take-price <decimal>", "oco, bracket: the exit that rests")
    .option("--stop-price <decimal>", "oco, bracket: the exit that is watched")
    .option("--entry-price <decimal>", "bracket: the entry's limit; default: at the market")
    .option("--venue <id>", "where there are several")
    .option("--id <key>", "idempotency key; repeat it and nothing is placed twice")
    .option("--dry-run", "check and print what would be asked")
    .action((options: PlaceOptions) => place(options, terminal));
  withTarget(orders.command("cancel"))
    .description("ask for the cancel of an order or a parent order")
    .argument("<id>", "i-42 or p-1")
    .option("--dry-run", "show the order, cancel nothing")
    .action(async (id: string, options: TargetOptions & { readonly dryRun?: boolean }) => {
      const client = await clientOf(options, terminal);
      const isDry = options.dryRun === true;
      terminal.err(`plan:\n  1. the venue is asked to cancel ${id}, until it is known to be terminal`);
      const view = isDry ? await client.order(id) : await client.cancelOrder(id);
      print(terminal, options, { version: 1, dryRun: isDry, order: view }, () => viewText(view));
    });
  addDirectionCommands(orders, terminal);
  addResolveCommand(orders, terminal);
}

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const client = await clientOf(options, terminal);
  const { all, parent, after, limit } = options;
  const query = {
    ...(all !== undefined && { all }),
    ...(parent !== undefined && { parent }),
    ...(after !== undefined && { after }),
    ...(limit !== undefined && { limit }),
  };
  const document =
    all === true
      ? { version: 1 as const, orders: await everyOrder(client, query), next: null }
      : await client.orders(query);
  print(terminal, options, document, () => listText(terminal, document.orders));
  if (options.json !== true && document.next !== null) terminal.err(`more: --after ${document.next}`);
}

async function everyOrder(client: BatonClient, query: OrdersQuery): Promise<OrderView[]> {
  const orders: OrderView[] = [];
  for await (const order of client.everyOrder(query)) orders.push(order);
  return orders;
}

async function place(options: PlaceOptions, terminal: Terminal): Promise<void> {
  const checked = checkOrderRequest(bodyOf(options));
  if (checked.kind === "invalid") {
    const { detail, field } = checked.problem;
    throw new CliEnd("usage", detail, field === undefined ? {} : { field });
  }
  const request = checked.value;
  if (options.dryRun === true) {
    print(terminal, options, { version: 1, dryRun: true, request }, () => `would ask for ${JSON.stringify(request)}`);
    return;
  }
  const key = options.id ?? randomUUID();
  const client = await clientOf(options, terminal);
  terminal.err(`key ${key}`);
  const answer = await placed(client, request, key);
  print(terminal, options, { version: 1, key, ...answer }, () =>
    "intentId" in answer ? `${answer.intentId} (client order id ${answer.clientOrderId})` : answer.parentId,
  );
}

async function placed(client: BatonClient, request: PlaceOrderRequest, key: string): Promise<PlaceOrderAnswer> {
  try {
    return await client.placeOrder(request, key);
  } catch (error) {
    const mayHaveArrived = error instanceof UnreachableError && error.mayHaveArrived;
    const isUnknown = error instanceof RefusedError && error.problem.code === "unknown";
    if (!mayHaveArrived && !isUnknown) throw error;
    throw new CliEnd("timed-out", `${error.message} Repeat the command with --id ${key}: nothing is placed twice.`, {
      operation: key,
    });
  }
}

function bodyOf(options: PlaceOptions): Readonly<Record<string, unknown>> {
  const { algo, venue, symbol, side, quantity, price } = options;
  const common = { venue, symbol, side, quantity };
  const own =
    algo === undefined
      ? {
          type: options.type ?? (price === undefined ? "market" : "limit"),
          price,
          timeInForce: options.timeInForce,
          sendWithinMs: options.sendWithin,
          // What belongs to a parent order only is refused by name rather than dropped.
          slices: options.slices,
          durationMs: options.duration,
          aggressionBps: options.aggression,
          limitPrice: options.limitPrice,
        }
      : {
          algo,
          slices: options.slices,
          weights: options.weights?.split(","),
          durationMs: options.duration,
          aggressionBps: options.aggression,
          limitPrice: options.limitPrice,
          participation: options.participation,
          participationMax: options.participationMax,
          intervalMs: options.interval,
          sliceMin: options.sliceMin,
          display: options.display,
          takePrice: options.takePrice,
          stopPrice: options.stopPrice,
          entryPrice: options.entryPrice,
          type: options.type,
          price,
          timeInForce: options.timeInForce,
          sendWithinMs: options.sendWithin,
        };
  return Object.fromEntries(Object.entries({ ...common, ...own }).filter(([, value]) => value !== undefined));
}

function listText(terminal: Terminal, orders: readonly OrderView[]): string {
  if (orders.length === 0) return "no orders.";
  return table(
    ["ID", "PARENT", "SYMBOL", "SIDE", "TYPE", "QUANTITY", "PRICE", "EXECUTED", "STATUS", "EPOCH", "SENT BY"],
    orders.map(({ id, parent, terms, executed, status, epoch, sentBy }) => [
      id,
      parent ?? "–",
      terms.symbol,
      terms.side,
      terms.type,
      terms.quantity,
      terms.price ?? "–",
      executed,
      status === "in-doubt" ? paint(terminal, "yellow", status) : status,
      epoch === null ? "–" : `${epoch}`,
      sentBy ?? "–",
    ]),
  );
}
