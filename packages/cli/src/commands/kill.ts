/**
 * `baton kill` and `unkill`: stop and allow new risk. A kill asks nothing: it must work in a hurry, and it loses nothing.
 */
import type { Command } from "commander";
import { CliEnd } from "../exit.ts";
import { operate, withOperation } from "../operate.ts";
import type { OperateOptions } from "../operate.ts";
import { clientOf, withTarget } from "../session.ts";
import type { Terminal } from "../terminal.ts";

/** Adds `baton kill` and `baton unkill`. */
export function addKillCommands(program: Command, terminal: Terminal): void {
  withOperation(withTarget(program.command("kill")))
    .description("stop new orders at once; cancels still pass")
    .argument("<level>", "cluster")
    .action(async (level: string, options: OperateOptions) => {
      if (level !== "cluster")
        throw new CliEnd("usage", `there is no kill level ${level}; there is cluster.`, { field: "level" });
      await operate(
        await clientOf(options, terminal),
        terminal,
        options,
        { what: "kill", level, reason: options.reason },
        {
          steps: [
            "every new order of this cluster is refused from now on",
            "orders at the venue stay; cancels still pass",
          ],
          refusals: [],
        },
      );
    });
  withOperation(withTarget(program.command("unkill")))
    .description("let new orders pass again")
    .action(async (options: OperateOptions) => {
      const client = await clientOf(options, terminal);
      const { kill } = await client.cluster();
      const before =
        kill === null || kill.level === "off" ? "no kill is in force" : `killed by ${kill.by}: ${kill.reason}`;
      await operate(
        client,
        terminal,
        options,
        { what: "unkill", reason: options.reason },
        { steps: [before, "new orders pass again"], refusals: [] },
      );
    });
}
