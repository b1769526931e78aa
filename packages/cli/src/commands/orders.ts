/**
 * `baton orders`: list, show and cancel. Placing is in `place.ts`, what is done to a parent order in `directions.ts`, to a
 * doubt in `resolve.ts`.
 */
import type { OrderView } from "@baton/core";
import type { Command } from "commander";
import type { BatonClient, OrdersQuery } from "../client.ts";
import { wholeFrom } from "../durations.ts";
import { clientOf, print, withTarget } from "../session.ts";
import { addDirectionCommands } from "./directions.ts";
import { underKey, withKey } from "./keyed.ts";
import { viewText } from "./order-text.ts";
import { endUnlessTakenBack, hasEnded, waitForOrder, withOrderWait } from "./order-wait.ts";
import type { WaitOptions } from "./order-wait.ts";
import { addPlaceCommand } from "./place.ts";
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

interface CancelOptions extends TargetOptions, WaitOptions {
  readonly reason?: string;
  readonly id?: string;
  readonly dryRun?: boolean;
}

/** Adds `baton orders`. */
export function addOrdersCommands(program: Command, terminal: Terminal): void {
  const orders = program.command("orders").description("list, show, place and cancel orders");
  withTarget(orders.command("list"))
    .description("orders that may still change; with --all every one there was")
    .option("--all", "ended orders too; without --limit every one there was, page by page to the end")
    .option("--parent <id>", "only the children of a parent order")
    .option("--after <position>", "only orders after this position, which the page before printed", wholeFrom(0))
    .option("--limit <count>", "one page of so many orders", wholeFrom(1))
    .action((options: ListOptions) => list(options, terminal));
  withTarget(orders.command("show"))
    .description("one order with everything that happened to it")
    .argument("<id>", "i-42, or p-1 for a parent order")
    .action(async (id: string, options: TargetOptions) => {
      const view = await (await clientOf(options, terminal)).order(id);
      print(terminal, options, { version: 1, order: view }, () => viewText(view));
    });
  addPlaceCommand(orders, terminal);
  withKey(withOrderWait(withTarget(orders.command("cancel")), "it has ended"))
    .description("ask for the cancel of an order or a parent order")
    .argument("<id>", "i-42 or p-1")
    .option("--reason <text>", "why; it stands on record")
    .option("--dry-run", "show the order, cancel nothing")
    .action((id: string, options: CancelOptions) => cancel(id, options, terminal));
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
    all === true && limit === undefined
      ? { version: 1 as const, orders: await everyOrder(client, query), next: null }
      : await client.orders(query);
  print(terminal, options, document, () => listText(terminal, document.orders));
  if (options.json !== true && document.next !== null) terminal.err(`more: --after ${document.next}`);
}

async function cancel(id: string, options: CancelOptions, terminal: Terminal): Promise<void> {
  const client = await clientOf(options, terminal);
  const isDry = options.dryRun === true;
  terminal.err(
    id.startsWith("p-")
      ? `plan:\n  1. ${id} begins no new slice, and its open children are taken back`
      : `plan:\n  1. the venue is asked to cancel ${id}, until it is known to have ended`,
  );
  const asked = isDry
    ? await client.order(id)
    : await underKey(options, terminal, (key) => client.cancelOrder(id, options.reason, key));
  const isWaiting = options.wait === true && !isDry;
  const view = isWaiting ? await waitForOrder(client, terminal, id, options, hasEnded) : asked;
  print(terminal, options, { version: 1, dryRun: isDry, order: view }, () => viewText(view));
  if (isWaiting) endUnlessTakenBack(view);
}

async function everyOrder(client: BatonClient, query: OrdersQuery): Promise<OrderView[]> {
  const orders: OrderView[] = [];
  for await (const order of client.everyOrder(query)) orders.push(order);
  return orders;
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
