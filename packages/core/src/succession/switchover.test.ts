import { describe, expect, test } from "vitest";
import { id } from "../ids.ts";
import type { JournalId } from "../ids.ts";
import { whyNotAborted, whyNotSuccessor } from "./leading.ts";
import { mayAcknowledgeNow } from "./machine.ts";
import { wallMs } from "../time.ts";
import type { SuccessionEffect } from "./state.ts";
import {
  a,
  asked,
  b,
  bootOf,
  c,
  diskOf,
  healthyFacts,
  kinds,
  leaderA,
  leaderRecord,
  one,
  operation,
  viewOf,
} from "./told.ts";
import type { Told } from "./told.ts";

const bySelf = { whom: "automatic", wall: wallMs(0) } as const;
const mine = (revision: number, version = 2) =>
  viewOf({ revision, epoch: 1, version, by: bootOf(a), leader: leaderRecord(a, 1), leaderModRevision: "10" });
const handedTo = (node: typeof b, reason: "switchover" | "pre-emption" = "switchover") =>
  viewOf({ revision: 20, epoch: 2, version: 2, leader: leaderRecord(node, 2, { reason }) });

function start(told: Told, to: typeof b | "anybody" = b, reason: "switchover" | "yield" = "switchover") {
  return told.tell({ kind: "switchover", operation, to: to === "anybody" ? undefined : to, reason });
}

/** a is held for b, and the engine has sealed its journal at record 1. */
function held(): Told {
  const told = leaderA();
  told.see(mine(11));
  one(start(told), "hold");
  return told;
}

function handingOver(): { told: Told; handoff: ReturnType<typeof asked> } {
  const told = held();
  return { told, handoff: asked(told.tell({ kind: "drained", operation, last: 1 })) };
}

function endOf(effects: readonly SuccessionEffect[]): readonly string[] {
  return kinds(effects).filter((kind) => ["resume", "handed-off", "fence"].includes(kind));
}

describe("rule 10: handing over", () => {
  test("one transaction rebinds the key to the successor's lease, guarded on leader, epoch and set", () => {
    const { handoff } = handingOver();
    expect(handoff).toMatchObject({
      kind: "handoff",
      guard: { boot: bootOf(a), epoch: 1, insyncModRevision: "10" },
      leader: { node: b, boot: bootOf(b), lease: "b-lease", epoch: 2, reason: "switchover" },
    });
  });

  test("the successor must have acknowledged everything, also what came after the journal was said to be sealed", () => {
    const told = held();
    told.holds(3);
    expect(told.tell({ kind: "drained", operation, last: 2 })).toEqual([]);
    told.ack(b, 2);
    expect(kinds(told.ack(c, 3))).not.toContain("transact");
    expect(kinds(told.ack(b, 3))).toContain("transact");
  });

  test("one that joined again must acknowledge again", () => {
    const told = held();
    told.join(b);
    expect(told.tell({ kind: "drained", operation, last: 1 })).toEqual([]);
    expect(kinds(told.ack(b, 1))).toContain("transact");
  });

  test("done: the promise is made durable, and this boot follows", () => {
    const { told, handoff } = handingOver();
    const done = told.commitAnswer(handoff, 20);
    expect(done).toMatchObject([
      { kind: "persist", promised: { epochMax: 2 } },
      { kind: "handed-off", operation, to: b, epoch: 2 },
    ]);
    expect(told.role).toBe("standby");
  });

  test("a promise never falls: a later epoch heard before the answer stays promised", () => {
    const { told, handoff } = handingOver();
    told.tell({ kind: "promised", promised: { epochMax: 2, vow: undefined } });
    const done = told.commitAnswer(handoff, 20);
    expect(endOf(done)).toEqual(["handed-off"]);
    told.tell({ kind: "promised", promised: { epochMax: 3, vow: undefined } });
    told.promise(done);
    expect(mayAcknowledgeNow(told.state, 3)).toBe(true);
  });

  test("the successor may be heard before etcd's answer: that is no fencing", () => {
    const { told, handoff } = handingOver();
    expect(kinds(told.tell({ kind: "promised", promised: { epochMax: 2, vow: undefined } }))).toEqual(["read"]);
    expect(endOf(told.commitAnswer(handoff, 20))).toEqual(["handed-off"]);
  });

  test.each(["unknown", "refused"] as const)("%s: the leader stays held until an own bump has committed", (answer) => {
    const { told, handoff } = handingOver();
    const settling = told.tell({ kind: "answered", id: handoff.id, answer: { kind: answer, cause: "lost" } });
    expect(kinds(settling)).toEqual(["transact", "read"]);
    expect(asked(settling)).toMatchObject({ kind: "set-insync", guard: handoff.guard, insync: { version: 3 } });
    // A read that shows nothing new decides nothing.
    expect(endOf(told.see(mine(12)))).toEqual([]);
    expect(told.tickAt(60_000)).toEqual([]);
    expect(told.leading.hold?.phase).toBe("killing");
    expect(endOf(told.commitAnswer(asked(settling), 13))).toEqual(["resume"]);
    expect(told.leading.hold).toBeUndefined();
  });

  test("a bump whose answer is unknown, too, is asked for again, until it or the handoff is seen", () => {
    const { told, handoff } = handingOver();
    told.loseAnswer(asked(told.loseAnswer(handoff)));
    const again = asked(told.tickAt(50));
    expect(endOf(told.loseAnswer(again))).toEqual([]);
    expect(endOf(told.see(handedTo(b)))).toEqual(["handed-off"]);
  });

  test("if the target took over by itself meanwhile, it was not handed over: this boot is fenced", () => {
    const { told } = handingOver();
    expect(endOf(told.see(handedTo(b, "pre-emption")))).toEqual(["fence"]);
    const other = handingOver().told;
    expect(endOf(other.see(handedTo(c)))).toEqual(["fence"]);
  });

  test("a lease that ends while the handoff is out fences", () => {
    const { told } = handingOver();
    expect(endOf(told.tell({ kind: "lease-lost", reason: "deadline" }))).toEqual(["fence"]);
  });
});

describe("a hold always ends (I14)", () => {
  test("when its time is up", () => {
    const told = held();
    for (let at = 100; at <= 2_000; at += 100) {
      told.at = at;
      told.ack(b, 1);
      told.ack(c, 1);
      expect(endOf(told.tickAt(at))).toEqual([]);
    }
    told.ack(b, 1);
    expect(endOf(told.tickAt(2_001))).toEqual(["resume"]);
  });

  test("when its target is lost: at once, and the target is then removed from the set", () => {
    const told = held();
    told.tell({ kind: "follower-down", node: b });
    expect(endOf(told.tickAt(100))).toEqual(["resume"]);
    expect(asked(told.tickAt(120))).toMatchObject({ insync: { members: [{ node: a }, { node: c }] } });
  });

  test("a third member that dies meanwhile is removed, and the handoff goes on", () => {
    const told = held();
    told.holds(2);
    told.tell({ kind: "drained", operation, last: 2 });
    told.tell({ kind: "follower-down", node: c });
    const shrink = asked(told.tickAt(100));
    expect(shrink).toMatchObject({ insync: { members: [{ node: a }, { node: b }] } });
    told.ack(b, 2);
    expect(told.leading.hold?.phase).toBe("drained");
    expect(asked(told.commitAnswer(shrink, 12))).toMatchObject({ kind: "handoff", guard: { insyncModRevision: "12" } });
  });

  test("nobody is grown while the leader is held", () => {
    const told = leaderA({ members: [a, b] });
    told.see(mine(11));
    start(told);
    told.join(c);
    expect(told.ack(c, 1)).toEqual([]);
    expect(told.tickAt(1)).toEqual([]);
  });

  test("what was drained for another operation does not count", () => {
    const told = held();
    expect(told.tell({ kind: "drained", operation: id("op-0"), last: 1 })).toEqual([]);
    expect(told.leading.hold?.phase).toBe("draining");
  });
});

describe("a switchover that an operator gives up", () => {
  const abort = (told: Told, of = operation) =>
    told.tell({ kind: "abort-switchover", operation: of, why: "ann gave it up: wrong node" });

  test("is given up while it drains, and while its successor has not acknowledged everything: the leader goes on", () => {
    const told = held();
    expect(one(abort(told), "resume")).toMatchObject({ operation, why: "ann gave it up: wrong node" });
    expect(told.leading.hold).toBeUndefined();
    // What the engine says afterwards of the hold that was given up begins nothing.
    expect(told.tell({ kind: "drained", operation, last: 1 })).toEqual([]);
    expect(one(start(told), "hold").to).toBe(b);

    const waiting = held();
    waiting.holds(2);
    expect(waiting.tell({ kind: "drained", operation, last: 2 })).toEqual([]);
    expect(endOf(abort(waiting))).toEqual(["resume"]);
    // The acknowledgement that it waited for hands nothing over any more.
    expect(kinds(waiting.ack(b, 2))).not.toContain("transact");
  });

  test("is past its point of no return once the handoff is asked of etcd, and whatever the answer was", () => {
    const { told, handoff } = handingOver();
    expect(whyNotAborted(told.leading, operation)).toContain("past this point");
    expect(abort(told)).toEqual([]);
    told.loseAnswer(handoff);
    expect(told.leading.hold?.phase).toBe("killing");
    expect(abort(told)).toEqual([]);
    expect(endOf(told.see(handedTo(b)))).toEqual(["handed-off"]);
  });

  test("is no other one, and nobody else's", () => {
    const told = held();
    expect(whyNotAborted(told.leading, operation)).toBeUndefined();
    expect(whyNotAborted(told.leading, id("op-0"))).toContain("not a switchover that is under way here");
    expect(abort(told, id("op-0"))).toEqual([]);
    expect(told.leading.hold?.phase).toBe("draining");
    expect(whyNotAborted(undefined, operation)).toContain("not a switchover");
  });
});

describe("who may be handed the leadership", () => {
  test("each reason has its sentence", () => {
    const told = leaderA();
    const why = (node = b) => whyNotSuccessor(told.state, told.leading, node, bySelf);
    told.see({ ...mine(11), members: new Map() });
    expect(why()).toBe("it does not publish itself in etcd");
    told.see(mine(12));
    expect(why()).toBeUndefined();
    expect(why(a)).toBe("it leads already");
    told.tell({ kind: "follower-down", node: b });
    expect(why()).toBe("its link is down");
    told.tell({ kind: "follower-up", node: b, journal: diskOf(b), boot: bootOf(c) });
    expect(why()).toBe("it has just restarted");
    expect(whyNotSuccessor(told.state, leaderA({ members: [a] }).leading, b, bySelf)).toBe("not in the in-sync set");
  });

  test("a member that came back with an empty disk cannot lead, though everything is committed", () => {
    const told = leaderA();
    told.see(mine(11));
    told.join(b, id<JournalId>("b-disk2"));
    expect(whyNotSuccessor(told.state, told.leading, b, bySelf)).toBe("its disk is not the one that is in sync");
    expect(kinds(start(told))).toEqual(["refuse-switchover"]);
  });

  test("without a name the one that holds most is taken; a second switchover is refused", () => {
    const told = leaderA();
    told.see(mine(11));
    told.holds(3);
    told.ack(c, 3);
    expect(one(start(told, "anybody"), "hold").to).toBe(c);
    expect(one(start(told), "refuse-switchover").why).toContain("under way");
  });

  test("what bars a node only by itself does not stop an operator who names it; it is not taken unnamed", () => {
    const told = leaderA();
    const facts = healthyFacts();
    const view = mine(11);
    const publish = (node: typeof b, more: object) => {
      const record = view.members.get(node);
      return record === undefined ? [] : ([[node, { ...record, facts, ...more }]] as const);
    };
    const tagged = { tags: ["no-failover"] };
    told.see({ ...view, members: new Map([...publish(b, tagged), ...publish(c, tagged)]) });
    expect(one(start(told, "anybody"), "refuse-switchover").why).toBe(
      "b: unfit: tagged no-failover; c: unfit: tagged no-failover",
    );
    expect(start(told, b, "yield")).toEqual([]);
    expect(one(start(told, b), "hold").to).toBe(b);
  });

  test("who does not lead refuses", () => {
    const { told, handoff } = handingOver();
    told.commitAnswer(handoff, 20);
    expect(one(start(told), "refuse-switchover").why).toBe("this node does not lead");
  });

  test("in pause or observe a leader does not yield by itself, an operator may still switch over (I16)", () => {
    const told = leaderA();
    told.see({ ...mine(11), pause: { value: { by: "ann", reason: "work" }, modRevision: "11" } });
    expect(start(told, b, "yield")).toEqual([]);
    told.see({ ...mine(12), autofailover: { value: "observe", modRevision: "12" } });
    expect(start(told, b, "yield")).toEqual([]);
    expect(kinds(start(told))).toEqual(["hold"]);
    const free = leaderA();
    free.see(mine(11));
    expect(kinds(start(free, b, "yield"))).toEqual(["hold"]);
  });

  test("a pause that begins while a yield is under way keeps the leader: asked again, and guarded in the handoff (I16)", () => {
    const paused = { pause: { value: { by: "ann", reason: "work" }, modRevision: "12" } };
    const told = leaderA();
    told.see(mine(11));
    start(told, b, "yield");
    told.see({ ...mine(12), ...paused });
    expect(kinds(told.tell({ kind: "drained", operation, last: 1 }))).toEqual(["resume"]);

    const free = leaderA();
    free.see({ ...mine(11), autofailover: { value: "on", modRevision: "7" } });
    start(free, b, "yield");
    expect(asked(free.tell({ kind: "drained", operation, last: 1 })).guard).toMatchObject({
      controls: { autofailoverModRevision: "7", pauseModRevision: "0" },
    });
    // An operator's own switchover passes a pause.
    expect(handingOver().handoff.guard).not.toHaveProperty("controls");
  });
});
