/**
 * `baton pause`, `resume`, `autofailover` and `acknowledge`: what happens by itself, and what does not. A pause always
 * has an end and keeps fencing on: a leader that loses its lease still stops. An acknowledgement lifts the holds that
 * repeated deaths or takeovers left.
 */
import type { Command } from "commander";
import { durationMs } from "../durations.ts";
import { CliEnd } from "../exit.ts";
import { operate, withOperation } from "../operate.ts";
import type { OperateOptions } from "../operate.ts";
import { clientOf, withTarget } from "../session.ts";
import { span } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

const modes = ["on", "observe", "off"] as const;
const modeMeans = {
  on: "an in-sync standby takes over by itself",
  observe: "standbys only say what they would do, and why",
  off: "only an operator's switchover or failover changes the leader",
} as const;

/** Adds the four commands. */
export function addControlCommands(program: Command, terminal: Terminal): void {
  withOperation(withTarget(program.command("pause")))
    .description("no takeover by itself for a while; fencing stays on, operators may still switch over")
    .requiredOption("--for <span>", "how long, such as 30m; it ends by itself", durationMs)
    .action(async (options: OperateOptions & { readonly for: number }) => {
      const forMs = options.for;
      await operate(
        await clientOf(options, terminal),
        terminal,
        options,
        { what: "pause", forMs, reason: options.reason },
        {
          steps: [
            `for ${span(forMs)} no standby takes over by itself, and no leader yields`,
            "a leader that loses its lease still stops; nobody follows it until the pause ends or an operator acts",
          ],
          refusals: [],
        },
      );
    });
  withOperation(withTarget(program.command("resume")), { reason: "optional" })
    .description("end a pause before its time")
    .action(async (options: OperateOptions) => {
      const client = await clientOf(options, terminal);
      const { pause } = (await client.cluster()).control;
      const before = pause === null ? "there is no pause" : `paused by ${pause.by}: ${pause.reason}`;
      const steps = [before, "takeovers pass again"];
      await operate(client, terminal, options, { what: "resume", reason: options.reason }, { steps, refusals: [] });
    });
  withOperation(withTarget(program.command("autofailover")), { reason: "optional" })
    .description("whether a standby takes over by itself")
    .argument("<mode>", modes.join(", "))
    .action(async (text: string, options: OperateOptions) => {
      const mode = modes.find((each) => each === text);
      if (mode === undefined) {
        throw new CliEnd("usage", `autofailover is ${modes.join(", ")}, not ${text}.`, { field: "mode" });
      }
      const client = await clientOf(options, terminal);
      const before = (await client.cluster()).control.autofailover;
      const steps = [`now: ${before}`, `then: ${mode}, ${modeMeans[mode]}`];
      const asked = { what: "autofailover", mode, reason: options.reason } as const;
      await operate(client, terminal, options, asked, { steps, refusals: [] });
    });
  withOperation(withTarget(program.command("acknowledge")), { reason: "optional" })
    .description("the deaths and takeovers until now are known: lift the holds that they left")
    .action(async (options: OperateOptions) => {
      const client = await clientOf(options, terminal);
      const { members } = await client.cluster();
      const held = members.filter((each) => each.reasons.some((one) => one.code === "anti-flap"));
      const steps = [
        ...held.map((each) => `${each.node} may be promoted again`),
        "a leader that started held after a takeover loop takes orders again",
      ];
      await operate(
        client,
        terminal,
        options,
        { what: "acknowledge", reason: options.reason },
        { steps, refusals: [] },
      );
    });
}
