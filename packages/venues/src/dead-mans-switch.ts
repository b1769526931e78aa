/**
 * One setting of the venue's dead man's switch: once, under the permit of the epoch that sets it, which is asked again at the
 * socket (I2, I3). A venue that counts for each symbol is set for all of them, and one that was not answered makes the whole
 * setting fail: whoever keeps the switch (`engine/src/desk/switches.ts`) sets it again, which harms nobody. What a former
 * leader signed cannot be carried out late for longer than its permit, where the venue reads the signature's window.
 */
import { isAnswered, isClockRefusal, type MonoMs, type Permit } from "@baton/core";
import { refusalAtSocket, signingWindow, type OrderDesk } from "./desk.ts";
import type { Request, SwitchDialect } from "./dialects/dialect.ts";
import type { Refusal, Ticket } from "./last-check.ts";
import { healthOf, keepBooks, readingOf, sampleClock, signed, within } from "./requests.ts";

/** See `Venue.setSwitch`. `symbols` are the venue's. */
export async function setSwitch(
  desk: OrderDesk,
  its: SwitchDialect,
  setting: { readonly symbols: readonly string[]; readonly timeoutMs: number },
  permit: Permit,
): Promise<boolean> {
  const { symbols, timeoutMs } = setting;
  const set = await Promise.all(
    its
      .requests(symbols, timeoutMs)
      .map((request) => isSetBy(desk, request, permit, (json) => its.isSet(json, timeoutMs))),
  );
  return set.every(Boolean);
}

async function isSetBy(
  desk: OrderDesk,
  request: Request,
  permit: Permit,
  isSet: (json: unknown) => boolean,
): Promise<boolean> {
  const { line } = desk;
  const decidedMonoMs = line.clock.mono();
  const untilMonoMs = (decidedMonoMs + desk.deadlineMs) as MonoMs;
  if (!(await line.budget.take("reserved", { weight: request.weight, orders: 0 }, untilMonoMs))) return false;
  const limiterMonoMs = line.clock.mono();
  const window = signingWindow(desk, permit);
  if ("reason" in window) return false;
  const { stamp, expiresMonoMs } = window;
  const check = (): Refusal | undefined => refusalAtSocket(desk, permit, expiresMonoMs, line.clock.mono());
  const ticket: Ticket = { call: "switch.set", lane: "cancels", phase: "waiting", check };
  const setting = signed(line, "cancel", request, { atMs: stamp.sentWallMs, validityMs: stamp.validityMs });
  const answer = await within(untilMonoMs - limiterMonoMs, ticket, line.driver.send(setting, ticket));
  keepBooks(line, answer);
  const reading = answer.kind === "response" ? readingOf(line, answer) : undefined;
  line.onTelemetry({
    call: ticket.call,
    decidedMonoMs,
    limiterMonoMs,
    signedMonoMs: limiterMonoMs,
    ...(ticket.socketMonoMs === undefined ? {} : { socketMonoMs: ticket.socketMonoMs }),
    answeredMonoMs: line.clock.mono(),
    result: reading === undefined ? answer.kind : `${reading.verdict.code ?? reading.verdict.status}`,
    ...healthOf(line, answer),
  });
  if (reading === undefined) return false;
  if (isClockRefusal(line.dialect.profile.codes, reading.verdict)) await sampleClock(line, desk.deadlineMs);
  return isAnswered(reading.verdict) && isSet(reading.json);
}
