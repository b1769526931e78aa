/**
 * `baton orders place`: an order, or with `--algo` a parent order. It runs under a key: repeat the command with the same
 * `--id` and nothing is placed twice, whatever became of the first try.
 */
import { randomUUID } from "node:crypto";
import { checkOrderRequest } from "@baton/core";
import type { PlaceOrderRequest } from "@baton/core";
import type { Command } from "commander";
import { durationMs, wholeFrom } from "../durations.ts";
import { CliEnd } from "../exit.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { span } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";
import { viewText } from "./order-text.ts";
import { unlessUnknown } from "./keyed.ts";
import { endUnlessPlaced, isDecided, waitForOrder, withOrderWait } from "./order-wait.ts";
import type { WaitOptions } from "./order-wait.ts";

interface PlaceOptions extends TargetOptions, WaitOptions {
  readonly algo?: string;
  readonly venue?: string;
  readonly symbol: string;
  readonly side: string;
  readonly type?: string;
  readonly quantity: string;
  readonly price?: string;
  readonly timeInForce?: string;
  readonly reduceOnly?: boolean;
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
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** Adds it below `baton orders`. */
export function addPlaceCommand(orders: Command, terminal: Terminal): void {
  withOrderWait(withTarget(orders.command("place")), "the venue has answered, or a parent order has ended")
    .description("place an order, or a parent order with --algo; prints its id once it is durable")
    .requiredOption("--symbol <symbol>", "such as BTC/USDT")
    .requiredOption("--side <side>", "buy or sell")
    .requiredOption("--quantity <decimal>", "in the base currency")
    .option("--type <type>", "limit or market; default: limit where there is a price")
    .option("--price <decimal>", "for a limit order")
    .option("--time-in-force <tif>", "GTC, IOC, FOK or GTX (post only)")
    .option("--reduce-only", "it may only bring the position nearer to zero; where the venue has such orders")
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
    .option("--reason <text>", "why; it stands on record")
    .option("--id <key>", "idempotency key; repeat it and nothing is placed twice")
    .option("--dry-run", "check and print what would be asked")
    .action((options: PlaceOptions) => place(options, terminal));
}

async function place(options: PlaceOptions, terminal: Terminal): Promise<void> {
  const checked = checkOrderRequest(bodyOf(options));
  if (checked.kind === "invalid") {
    const { detail, field } = checked.problem;
    throw new CliEnd("usage", detail, field === undefined ? {} : { field });
  }
  const request = checked.value;
  if (options.dryRun === true) {
    print(terminal, options, { version: 1, dryRun: true, request }, () => `plan:\n  1. ${inWords(request)}`);
    return;
  }
  const key = options.id ?? randomUUID();
  const client = await clientOf(options, terminal);
  terminal.err(`plan:\n  1. ${inWords(request)}\nkey ${key}`);
  const answer = await unlessUnknown(key, "is placed", () => client.placeOrder(request, key));
  const id = "intentId" in answer ? answer.intentId : answer.parentId;
  if (options.wait !== true) {
    const said = "intentId" in answer ? `${id} (client order id ${answer.clientOrderId})` : id;
    print(terminal, options, { version: 1, key, ...answer }, () => said);
    return;
  }
  terminal.err(`${id} is durable; waiting for the venue`);
  const order = await waitForOrder(client, terminal, id, options, isDecided);
  print(terminal, options, { version: 1, key, ...answer, order }, () => viewText(order));
  endUnlessPlaced(order);
}

/** What will be recorded, for who reads along. */
function inWords(request: PlaceOrderRequest): string {
  const { side, quantity, symbol, venue } = request;
  const what = `${side} ${quantity} ${symbol}${venue === undefined ? "" : ` on ${venue}`}`;
  if ("algo" in request) return `${request.algo}: ${what}${figuresText(request)}; continued by whoever leads`;
  const at = request.price === undefined ? "at the market" : `at ${request.price} or better`;
  const only = request.reduceOnly === true ? ", to reduce the position only" : "";
  return `${what} ${at}, ${request.timeInForce}${only}; given up unless it is sent within ${span(request.sendWithinMs)}`;
}

/** What makes this parent order another than the next one: prices above all, as they were asked for. */
function figuresText(request: Extract<PlaceOrderRequest, { readonly algo: string }>): string {
  const { algo: _algo, venue: _venue, symbol: _symbol, side: _side, quantity: _quantity, ...rest } = request;
  const { reason: _reason, ...figures } = rest;
  return Object.entries(figures)
    .map(([name, value]) => {
      const words = name.replace(/(Ms|Bps)$/, "").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      const shown = name.endsWith("Ms") ? span(Number(value)) : [value].flat().join(" ");
      return `, ${words} ${shown}${name.endsWith("Bps") ? " bps" : ""}`;
    })
    .join("");
}

/** Everything that was given: what does not belong to the kind that was meant is refused by its name, never dropped. */
function bodyOf(options: PlaceOptions): Readonly<Record<string, unknown>> {
  const { algo, venue, symbol, side, quantity, price, timeInForce, reduceOnly, reason } = options;
  const type = options.type ?? (algo !== undefined ? undefined : price === undefined ? "market" : "limit");
  const given = {
    ...{ algo, venue, symbol, side, type, quantity, price, timeInForce, reduceOnly, reason },
    sendWithinMs: options.sendWithin,
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
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
