/** `baton positions`: what is held and what could be, per account and symbol, and the balances. */
import type { Command } from "commander";
import { clientOf, print, withTarget } from "../session.ts";
import type { TargetOptions } from "../session.ts";
import { table } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton positions`. */
export function addPositionsCommand(program: Command, terminal: Terminal): void {
  withTarget(program.command("positions"))
    .description("positions with open and doubted quantity at worst case, and balances")
    .action(async (options: TargetOptions) => {
      const client = await clientOf(options, terminal);
      const [positions, balances] = await Promise.all([client.positions(), client.balances()]);
      print(terminal, options, { version: 1, positions, balances }, () =>
        [
          table(
            ["VENUE", "ACCOUNT", "SYMBOL", "POSITION", "OPEN BUY", "OPEN SELL"],
            positions.map((each) => [
              each.venue,
              each.account,
              each.symbol,
              each.quantity,
              each.openBuy,
              each.openSell,
            ]),
          ),
          table(
            ["VENUE", "ACCOUNT", "CURRENCY", "BALANCE", "BY THE JOURNAL", "KNOWN DRIFT"],
            balances.map(({ venue, account, currency, total, journal, drift }) => [
              ...[venue, account, currency, total],
              ...[journal ?? "–", drift ?? "–"],
            ]),
          ),
        ].join("\n\n"),
      );
    });
}
