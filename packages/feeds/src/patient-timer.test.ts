import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { setImmediate as nextRound } from "node:timers/promises";
import { expect, test } from "vitest";
import { patientTimer } from "./patient-timer.ts";

/** Blocks the process until a deadline of 5 ms is over and a byte of its peer waits unread; returns what was seen first. */
async function heldUp(startTimer: (act: () => void) => void): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const reader = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [writer] = (await once(server, "connection")) as [Socket];
  const seen = new Promise<string>((resolve) => {
    reader.once("data", () => resolve("data"));
    // From here on timers are the next to run, before any reading.
    void nextRound().then(() => {
      startTimer(() => resolve("deadline"));
      writer.write("x");
      const untilMs = performance.now() + 20;
      while (performance.now() < untilMs);
    });
  });
  const first = await seen;
  reader.destroy();
  writer.destroy();
  server.close();
  return first;
}

test("data that waited while the process was held up is read before its deadline is judged", async () => {
  expect(await heldUp((act) => setTimeout(act, 5))).toBe("deadline");
  expect(await heldUp((act) => patientTimer(5, act))).toBe("data");
});

test("a timer that was called off never acts", async () => {
  let acted = false;
  const callOff = patientTimer(1, () => (acted = true));
  callOff();
  await new Promise((resolve) => patientTimer(10, () => resolve(undefined)));
  expect(acted).toBe(false);
});
