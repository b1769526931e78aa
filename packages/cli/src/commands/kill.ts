/**
 * `baton kill` and `unkill`: stop and allow new risk, of the whole cluster or of a part. A kill asks nothing: it must work
 * in a hurry, and it loses nothing but open orders, which are taken back.
 */
import { killLevels, killText, scopesOf } from "@baton/core";
import type { KillLevel } from "@baton/core";
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { killDirectly } from "./direct-kill.ts";
import type { DirectOptions } from "./direct-kill.ts";
import { operate, withOperation } from "../operate.ts";
import type { OperateOptions } from "../operate.ts";
import { clientOf, withTarget } from "../session.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton kill` and `baton unkill`. */
export function addKillCommands(program: Command, terminal: Terminal): void {
  withOperation(withTarget(program.command("kill")), { reason: "optional" })
    .description("stop new orders at once and take the open ones back; cancels still pass")
    .argument("<level>", killLevels.join(", "))
    .argument("[id]", "the strategy or principal, the symbol, the venue, the account; none for the cluster")
    .option("--direct", "without leader and etcd: tell each node by itself, take the orders back at the venue itself")
    .option("--venue-key <venue=key,secret...>", "direct: files of a key of your own for a venue; default: the node's")
    .option("--tag <tag>", "direct: the tag of this cluster's orders, where no node can tell it")
    .option("--every-order", "direct: foreign orders on the account too")
    .action(async (asked: string, target: string | undefined, options: OperateOptions & DirectOptions) => {
      const level = levelOf(asked, target);
      if (options.direct === true) return await killDirectly(level, target, options, terminal);
      await operate(
        await clientOf(options, terminal),
        terminal,
        options,
        { what: "kill", level, ...(target !== undefined && { target }), reason: options.reason },
        {
          steps: [
            `every new order of ${level === "cluster" ? "this cluster" : `${level} ${target}`} is refused from now on`,
            "its open orders are taken back; cancels still pass",
          ],
          refusals: [],
        },
      );
    });
  withOperation(withTarget(program.command("unkill")), { reason: "optional" })
    .description("let new orders pass again; without a level, of everybody")
    .argument("[level]", killLevels.join(", "))
    .argument("[id]", "whose kill is lifted; none for the cluster")
    .action(async (asked: string | undefined, target: string | undefined, options: OperateOptions) => {
      const level = asked === undefined ? undefined : levelOf(asked, target);
      const client = await clientOf(options, terminal);
      const { kill } = await client.cluster();
      const before =
        kill === null || kill.level === "off"
          ? ["no kill is in force"]
          : scopesOf(kill).map((scope) => `${killText(scope)}: killed by ${scope.by}: ${scope.reason}`);
      const scope = level === undefined ? {} : { level, ...(target !== undefined && { target }) };
      await operate(
        client,
        terminal,
        options,
        { what: "unkill", ...scope, reason: options.reason },
        { steps: [...before, level === undefined ? "new orders pass again" : `this kill is lifted`], refusals: [] },
      );
    });
}

function levelOf(asked: string, target: string | undefined): KillLevel {
  const level = killLevels.find((each) => each === asked);
  if (level === undefined)
    throw new CliEnd("usage", `there is no kill level ${asked}; there is ${killLevels.join(", ")}.`, {
      field: "level",
    });
  if ((level === "cluster") !== (target === undefined))
    throw new CliEnd("usage", level === "cluster" ? "the cluster needs no id." : `say which ${level}.`, {
      field: "id",
    });
  return level;
}
