/** What an operator may say about a doubt, and when the venue's own evidence goes first. */
import { describe, expect, test } from "vitest";
import { assert } from "../assert.ts";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { VenueOrderId } from "../ids.ts";
import { wallMs } from "../time.ts";
import { operatorResolution } from "./operator-resolution.ts";
import type { OperatorFinding } from "./operator-resolution.ts";
import { beginDoubt, doubtOf, noteFinal, noteQuery } from "./resolution.ts";
import type { Doubt, DoubtPolicy, DoubtProgress, FinalEvidence } from "./resolution.ts";
import { inDoubt, story, venueOrder } from "./sample-events.ts";
import type { Story } from "./sample-events.ts";

const policy: DoubtPolicy = { processingBoundMs: 10_000, queryLagMs: 2_000, clockErrorMs: 250, validityMaxMs: 1_500 };
const operator = { by: "kim", reason: "the venue's support said so on the phone" };
const absent: OperatorFinding = { as: "not-accepted" };
/** Proof time of the doubt below: sent at 10,005 + validity 1,000 and the policy's bounds. */
const proof = 23_255;

function doubted(): { readonly s: Story; readonly doubt: Doubt; readonly progress: DoubtProgress } {
  const s = story();
  const { id: intent } = s.want();
  s.tell(inDoubt(s.order(intent)));
  const doubt = doubtOf(s.order(intent), policy);
  assert(doubt !== undefined, "there is a doubt");
  return { s, doubt, progress: beginDoubt(wallMs(10_005)) };
}

const silent: Partial<FinalEvidence> = { query: { kind: "unavailable", cause: "no answer" } };

function asked(progress: DoubtProgress, over: Partial<FinalEvidence>): DoubtProgress {
  const empty: FinalEvidence = {
    askedWallMs: wallMs(proof + 1),
    query: { kind: "not-found" },
    openOrders: [],
    unexplained: [],
  };
  return noteFinal(progress, { ...empty, ...over });
}

function say(
  finding: OperatorFinding,
  o: { readonly progress: (progress: DoubtProgress) => DoubtProgress | undefined; readonly nowMs: number },
): string {
  const { s, doubt, progress } = doubted();
  const known = { order: s.order(doubt.intent), doubt, progress: o.progress(progress) };
  const made = operatorResolution(known, finding, operator, wallMs(o.nowMs));
  if ("code" in made) return made.code;
  // Whatever is recorded can be applied.
  s.tell(made);
  return `${made.resolution.kind}: ${s.order(doubt.intent).status}`;
}

describe("an operator's word", () => {
  test("is not taken before the proof time, when nobody can know, and is one millisecond later", () => {
    expect(say(absent, { progress: () => undefined, nowMs: proof })).toBe("too-early");
    expect(say(absent, { progress: () => undefined, nowMs: proof + 1 })).toBe("not-accepted: pending-new");
  });

  test("is not taken while the venue is being asked, nor when its answers are proof by themselves", () => {
    expect(say(absent, { progress: (p) => p, nowMs: proof + 1 })).toBe("evidence-at-hand");
    expect(say(absent, { progress: (p) => asked(p, {}), nowMs: proof + 2 })).toBe("evidence-at-hand");
  });

  test("is taken when the venue does not answer, or shows trades that are nobody's", () => {
    expect(say(absent, { progress: (p) => asked(p, silent), nowMs: proof + 2 })).toBe("not-accepted: pending-new");
    const unexplained = [id<VenueOrderId>("77")];
    expect(say(absent, { progress: (p) => asked(p, { unexplained }), nowMs: proof + 2 })).toBe(
      "not-accepted: pending-new",
    );
  });

  test("that the venue took it makes it accepted, with what was executed", () => {
    const finding: OperatorFinding = {
      as: "accepted",
      venueOrderId: id<VenueOrderId>("77"),
      status: "cancelled",
      executed: decimal("0"),
    };
    expect(say(finding, { progress: (p) => asked(p, silent), nowMs: proof + 2 })).toBe("accepted: cancelled");
    const tooMuch = { ...finding, executed: decimal("1000") };
    expect(say(tooMuch, { progress: (p) => asked(p, silent), nowMs: proof + 2 })).toBe("finding-malformed");
    const notAll = { ...finding, status: "filled" } as const;
    expect(say(notAll, { progress: (p) => asked(p, silent), nowMs: proof + 2 })).toBe("finding-malformed");
  });

  test("does not contradict an order that the venue has under our id, but may take it as it is", () => {
    const other = (p: DoubtProgress, s: Story, doubt: Doubt): DoubtProgress =>
      noteQuery(p, wallMs(proof + 1), {
        kind: "found",
        order: { ...venueOrder(s.order(doubt.intent)), quantity: decimal("9"), venueOrderId: id<VenueOrderId>("88") },
      });
    const { s, doubt } = doubted();
    const progress = (p: DoubtProgress): DoubtProgress => other(p, s, doubt);
    expect(say(absent, { progress, nowMs: proof + 2 })).toBe("contradicts-venue");
    const finding = (venueOrderId: string): OperatorFinding => ({
      as: "accepted",
      venueOrderId: id<VenueOrderId>(venueOrderId),
      status: "open",
      executed: decimal("0"),
    });
    expect(say(finding("77"), { progress, nowMs: proof + 2 })).toBe("contradicts-venue");
    expect(say(finding("88"), { progress, nowMs: proof + 2 })).toBe("accepted: new");
  });

  test("is for doubts only, and stands on record with name, reason and what the venue could not say", () => {
    const { s, doubt, progress } = doubted();
    const order = s.order(doubt.intent);
    expect(
      operatorResolution({ order, doubt: undefined, progress }, absent, operator, wallMs(proof + 2)),
    ).toMatchObject({
      code: "not-in-doubt",
    });
    const known = { order, doubt, progress: asked(progress, silent) };
    expect(operatorResolution(known, absent, operator, wallMs(proof + 2))).toMatchObject({
      by: "operator",
      word: "kim: the venue's support said so on the phone",
      resolution: { proof: expect.stringContaining("could not be read (no answer)") as string },
    });
  });
});
