/** `baton orders pause|resume|amend`: what a person does to a parent order while it works, and to an order that rests. */
import { parseDecimal } from "@baton/core";
import type { Decimal, Direction } from "@baton/core";
import type { Command } from "commander";
import { durationMs } from "../durations.ts";
import { CliEnd } from "../exit.ts";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import type { Terminal } from "../terminal.ts";
import { underKey, unlessLost, withKey } from "./keyed.ts";
import { viewText } from "./order-text.ts";
import { endUnlessReplaced, isReplaceDecided, waitForOrder, withOrderWait } from "./order-wait.ts";
import type { WaitOptions } from "./order-wait.ts";

interface DirectOptions extends TargetOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
}

interface AmendOptions extends DirectOptions, WaitOptions {
  readonly id?: string;
  readonly price?: string;
  readonly quantity?: string;
  readonly sendWithin?: number;
}

/** Adds them below `baton orders`. */
export function addDirectionCommands(orders: Command, terminal: Terminal): void {
  const direct = async (id: string, direction: Direction, plan: string, options: DirectOptions): Promise<void> => {
    const client = await clientOf(options, terminal);
    const isDry = options.dryRun === true;
    terminal.err(`plan:\n  1. ${plan}`);
    const view = isDry
      ? await client.order(id)
      : await unlessLost(
          { advice: `See what came of it, and repeat it otherwise: baton orders show ${id}`, operation: id },
          () => client.directOrder(id, { ...direction, ...(options.reason && { reason: options.reason }) }),
        );
    print(terminal, options, { version: 1, dryRun: isDry, order: view }, () => viewText(view));
  };
  withTarget(orders.command("pause"))
    .description("no new slices of a parent order until it is resumed; its resting children are taken back")
    .argument("<id>", "p-1")
    .option("--reason <text>", "why; it stands on record")
    .option("--dry-run", "show the parent, change nothing")
    .action((id: string, options: DirectOptions) =>
      direct(id, { what: "pause" }, `${id} begins no new slice`, options),
    );
  withTarget(orders.command("resume"))
    .description("a paused parent order goes on, later by the length of its pause")
    .argument("<id>", "p-1")
    .option("--reason <text>", "why; it stands on record")
    .option("--dry-run", "show the parent, change nothing")
    .action((id: string, options: DirectOptions) => direct(id, { what: "resume" }, `${id} goes on`, options));
  withKey(withOrderWait(withTarget(orders.command("amend")), "the order in its place is on record, or none will be"))
    .description("give a resting order another price or quantity; change figures of a parent order")
    .argument("<id>", "i-42, or p-1 for a parent order")
    .argument("[figures...]", "of a parent order: such as quantity=2 limitPrice=101.5")
    .option("--price <decimal>", "of an order: the price from now on")
    .option("--quantity <decimal>", "of an order: the whole quantity, with what is executed already")
    .option("--send-within <span>", "of an order: nothing is placed in its place later than this", durationMs)
    .option("--reason <text>", "why; it stands on record")
    .option("--dry-run", "show the order, change nothing")
    .action(async (id: string, figures: string[], options: AmendOptions) => {
      if (!id.startsWith("p-")) return await replace(id, figures, options, terminal);
      const ofOrders = (["price", "quantity", "sendWithin", "id", "wait"] as const).find(
        (name) => options[name] !== undefined,
      );
      if (ofOrders !== undefined || figures.length === 0)
        throw new CliEnd("usage", `${id} is a parent order: give NAME=VALUE, and nothing else.`, { field: "figures" });
      const plan = `${id} has ${figures.join(", ")} from now on`;
      await direct(id, { what: "amend", change: changeOf(figures) }, plan, options);
    });
}

async function replace(
  id: string,
  figures: readonly string[],
  options: AmendOptions,
  terminal: Terminal,
): Promise<void> {
  const { price, quantity, reason, sendWithin, dryRun } = options;
  if (figures.length > 0 || (price === undefined && quantity === undefined))
    throw new CliEnd("usage", `${id} is an order: give --price, --quantity or both.`, { field: "price" });
  const client = await clientOf(options, terminal);
  const isDry = dryRun === true;
  const figuresText = [
    ...(quantity === undefined ? [] : [`quantity ${quantity}`]),
    ...(price === undefined ? [] : [`price ${price}`]),
  ].join(", ");
  terminal.err(
    `plan:\n  1. the venue is asked to cancel ${id}, until it is known to have ended\n  2. what is left of it then is placed as a new order: ${figuresText}`,
  );
  const change = {
    ...(price !== undefined && { price: decimalOf("price", price) }),
    ...(quantity !== undefined && { quantity: decimalOf("quantity", quantity) }),
    ...(reason !== undefined && { reason }),
    ...(sendWithin !== undefined && { sendWithinMs: sendWithin }),
  };
  const asked = isDry
    ? await client.order(id)
    : await underKey(options, terminal, (key) => client.replaceOrder(id, change, key));
  const isWaiting = options.wait === true && !isDry;
  const view = isWaiting ? await waitForOrder(client, terminal, id, options, isReplaceDecided) : asked;
  print(terminal, options, { version: 1, dryRun: isDry, order: view }, () => viewText(view));
  if (isWaiting) endUnlessReplaced(view);
}

function decimalOf(field: string, text: string): Decimal {
  const parsed = parseDecimal(text);
  if (parsed === undefined) throw new CliEnd("usage", `--${field} ${text} is no decimal.`, { field });
  return parsed;
}

function changeOf(figures: readonly string[]): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    figures.map((figure) => {
      const at = figure.indexOf("=");
      if (at <= 0) throw new CliEnd("usage", `${figure} is no NAME=VALUE.`, { field: "figures" });
      const [name, value] = [figure.slice(0, at), figure.slice(at + 1)];
      return [name, name === "aggressionBps" ? Number(value) : value];
    }),
  );
}
