import { emptyState, encodeEvent, genesisHash, id, sealFrame, wallMs } from "@baton/core";
import type { Frame, JournalEvent, OperationId } from "@baton/core";
import { expect, test } from "vitest";
import { EventRefused, Ledger } from "./ledger.ts";

function noted(n: number): JournalEvent {
  return {
    kind: "operation.noted",
    operation: id<OperationId>(`o-${n}`),
    what: "a fact",
    by: "test",
    reason: "because",
    atWallMs: wallMs(1_700_000_000_000 + n),
  };
}

/** Frames of one event each, from the first sequence on. */
function frames(count: number): readonly Frame[] {
  const made: Frame[] = [];
  for (let n = 1; n <= count; n += 1) {
    const before = made.at(-1);
    const last = { sequence: before?.last ?? 0, hash: before?.hash ?? genesisHash };
    made.push(sealFrame(last, 1, [encodeEvent(noted(n))], (text) => `hash of ${text.length}`));
  }
  return made;
}

test("a snapshot that ends in frames not known to be committed is followed on, and they are told once committed", () => {
  const told: number[] = [];
  const ledger = new Ledger(
    emptyState(),
    [],
    () => 0,
    (_event, sequence) => told.push(sequence),
  );
  const [, second, third] = frames(3);
  ledger.replace({ ...emptyState(), applied: 1 }, [second as Frame]);
  expect(ledger.committed.applied).toBe(1);
  expect(ledger.speculative.applied).toBe(2);
  ledger.receive(third as Frame);
  ledger.commit(3);
  expect(told).toEqual([2, 3]);
});

test("facts that are submitted together are recorded all or none", () => {
  const appended: number[] = [];
  const ledger = new Ledger(
    emptyState(),
    [],
    (_epoch, events) => {
      appended.push(events.length);
      return appended.reduce((sum, count) => sum + count, 0);
    },
    () => undefined,
  );
  ledger.submit(1, [noted(1)]);
  const kill = (level: "cluster" | "off"): JournalEvent => ({
    ...{ kind: "kill.set", level, by: "op", reason: "drill", atWallMs: wallMs(1_700_000_000_100) },
  });
  const unknown: JournalEvent = {
    kind: "intent.ended",
    intent: id("i-1"),
    reason: "expired",
    atWallMs: wallMs(1_700_000_000_100),
  };
  expect(() => ledger.submit(1, [kill("cluster"), unknown])).toThrow(EventRefused);
  expect(ledger.speculative.engine.kill.level).toBe("off");
  expect(ledger.speculative.applied).toBe(1);
  expect(appended).toEqual([1]);
  expect(ledger.submit(1, [kill("cluster"), noted(2)])).toBe(3);
  ledger.commit(3);
  expect(ledger.committed.engine.kill.level).toBe("cluster");
});

test("a cut that takes nothing away leaves the state as it is, and one that does makes it anew", () => {
  const ledger = new Ledger(
    emptyState(),
    frames(3),
    () => 0,
    () => undefined,
  );
  ledger.commit(1);
  const before = ledger.speculative;
  ledger.cut(3);
  expect(ledger.speculative).toBe(before);
  ledger.cut(2);
  expect([ledger.speculative.applied, ledger.committed.applied]).toEqual([2, 1]);
  ledger.receive(frames(3)[2] as Frame);
  ledger.commit(3);
  expect(ledger.committed.applied).toBe(3);
});

test("what could not be appended, or made, is not in the speculative state either", () => {
  let isBroken = true;
  let sequence = 0;
  const ledger = new Ledger(
    emptyState(),
    [],
    (_epoch, events) => {
      if (isBroken) throw new Error("the disk is gone");
      return (sequence += events.length);
    },
    () => undefined,
  );
  expect(() => ledger.submit(1, [noted(1), noted(2)])).toThrow("the disk is gone");
  expect(ledger.speculative.applied).toBe(0);
  isBroken = false;
  const failing = [
    () => noted(1),
    (): JournalEvent => {
      throw new TypeError("no wish");
    },
  ];
  expect(() => ledger.submitEach(1, failing)).toThrow("no wish");
  expect(ledger.speculative.applied).toBe(0);
  expect(ledger.submit(1, [noted(3)])).toBe(1);
});
