/** Stories of handing over: done, and given up at each step. */
import type { Story, StoryStage } from "./stage.ts";

/** Waits for the handoff to leave the leader, and does something in that moment. */
function atHandoff(stage: StoryStage, strike: () => void): void {
  const wait = (_node: string, transaction: { readonly kind: string }): void => {
    if (transaction.kind !== "handoff") return;
    stage.world.ambushes.delete(wait);
    strike();
  };
  stage.world.ambushes.add(wait);
}

function ended(stage: StoryStage): void {
  const { store } = stage.world.etcd;
  stage.until("the operation has ended", () =>
    [...store.operations.values()].every(({ value }) => ["done", "aborted", "failed"].includes(value.phase)),
  );
  for (const { value } of store.operations.values()) {
    stage.world.say("etcd", "operation", `Operation ${value.id} is ${value.phase}: ${value.detail}.`);
  }
}

export const switchoverStories: readonly Story[] = [
  {
    name: "switchover-done",
    title: "Switchover done: the key goes from one to the other in one transaction",
    about:
      "The leader takes nothing new, lets what is out be answered, seals its journal, waits until the successor holds all of it, and rebinds the leader key in one guarded transaction. There is no moment without a leader, and the old one follows with the same process.",
    play: (stage) => {
      stage.begin();
      stage.tell("An operator asks for a switchover to b, with orders on their way.");
      stage.clients.burst(3, "buy");
      stage.operators.switchover("b");
      stage.untilEpoch(2);
      ended(stage);
      stage.orders(1);
      stage.until("a is in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "switchover-refused",
    title: "Switchover refused: nobody else can lead",
    about: "The leader says of each candidate why it cannot lead, and nothing is held.",
    play: (stage) => {
      stage.begin();
      stage.tell("b's machine is lost and c is cut off; then an operator asks for a switchover.");
      stage.host("b").powerOff();
      const heal = stage.cut(["a", "c"]);
      stage.pass(600);
      stage.operators.switchover(undefined);
      ended(stage);
      stage.tell("All is well again.");
      heal();
      stage.host("b").powerOn();
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.show();
    },
  },
  {
    name: "switchover-aborted-while-draining",
    title: "Switchover aborted while the journal drains: the successor is lost",
    about:
      "The successor's link breaks while the leader waits for it to hold everything. Nothing was asked of etcd yet, so the leader just goes on.",
    play: (stage) => {
      stage.begin();
      stage.tell("b's disk becomes slow, an operator asks for a switchover to b, and b's process dies.");
      stage.host("b").disk.slowMs = 400;
      stage.clients.burst(2, "sell");
      stage.operators.switchover("b");
      stage.until("a holds", () => stage.boot("a")?.leadership?.leading?.hold !== undefined);
      stage.host("b").disk.slowMs = 0;
      stage.host("b").kill();
      ended(stage);
      stage.orders(1);
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.show();
    },
  },
  {
    name: "switchover-handoff-refused",
    title: "Handoff refused: the successor's lease ends in the same moment",
    about:
      "etcd refuses the handoff, since the lease that it names is gone. A refusal may be the answer to the second of two sendings, so the leader stays held until a bump of its own has committed: that kills a first one that might still be on its way.",
    play: (stage) => {
      stage.begin();
      atHandoff(stage, () => {
        const lease = stage.boot("b")?.keeper.lease;
        if (lease !== undefined) stage.world.etcd.revoke(lease);
      });
      stage.tell("An operator asks for a switchover to b; b's lease ends while the handoff is on its way.");
      stage.operators.switchover("b");
      ended(stage);
      stage.orders(1);
      stage.pass(1_500);
      stage.show();
    },
  },
  {
    name: "switchover-handoff-unknown-and-late",
    title: "Handoff unknown, and late: the bump kills it",
    about:
      "Every copy of the handoff is stuck in etcd, nobody answers. The leader stays held, and asks for a bump of the set on the same guard. When that has committed, the handoff can never be applied, however late it is; only then the leader goes on.",
    play: (stage) => {
      stage.begin();
      atHandoff(stage, () => {
        stage.world.etcd.temper.late = { chance: 1, ms: 3_200, atLeastMs: 3_000 };
        stage.world.agenda.after(150, () => {
          stage.world.etcd.temper.late = { chance: 0, ms: 0 };
        });
      });
      stage.tell("An operator asks for a switchover to b; the handoff gets stuck in etcd for three seconds.");
      stage.operators.switchover("b");
      stage.until("the handoff has ended", () => stage.world.watch.counts.get("handoff unknown") === 1);
      ended(stage);
      stage.orders(1);
      stage.tell("The copies of the handoff come to etcd at last, and find another revision of the set.");
      stage.pass(3_000);
      stage.show();
    },
  },
  {
    name: "switchover-handoff-unknown-and-applied",
    title: "Handoff unknown, and applied: a read shows it",
    about:
      "etcd applies the handoff and every answer is lost. The leader stays held; its bump is refused, and a read shows its own handoff in the key: it was not fenced, it has handed over.",
    play: (stage) => {
      stage.begin();
      atHandoff(stage, () => {
        stage.world.etcd.temper.answerLoss = 1;
        stage.world.agenda.after(300, () => {
          stage.world.etcd.temper.answerLoss = 0;
        });
      });
      stage.tell("An operator asks for a switchover to b; etcd takes it, and all its answers are lost for 300 ms.");
      stage.operators.switchover("b");
      stage.untilEpoch(2);
      ended(stage);
      stage.orders(1);
      stage.pass(1_500);
      stage.show();
    },
  },
  {
    name: "switchover-aborted-successor-stops",
    title: "Switchover aborted while the venue's answers are awaited: the successor is asked to stop",
    about:
      "The successor's own operator stops it in order, so it asks to be removed from the set. The leader does not hand the key to somebody who goes; it asks nothing of etcd but the smaller set, and goes on.",
    play: (stage) => {
      stage.begin();
      stage.tell("The venue answers slowly, and an operator asks for a switchover to b, which another one stops.");
      stage.world.venue.temper.ackStall = 1;
      stage.clients.burst(3, "buy");
      stage.pass(15);
      stage.operators.switchover("b");
      stage.until("a holds", () => stage.boot("a")?.leadership?.leading?.hold !== undefined);
      stage.boot("b")?.stopInOrder(3_000);
      ended(stage);
      stage.world.venue.temper.ackStall = 0;
      stage.until("b has gone", () => stage.boot("b") === undefined);
      stage.orders(1);
      stage.tell("b is started again.");
      stage.host("b").start();
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.show();
    },
  },
  {
    name: "switchover-leader-dies-while-held",
    title: "The leader dies while it holds: the operation ends all the same",
    about:
      "Nothing was asked of etcd yet, so this is a crash like another: a standby takes over by the released lease. Who leads next reads in the history that no epoch was made by the operation, and writes that it was aborted.",
    play: (stage) => {
      stage.begin();
      stage.tell(
        "An operator asks for a switchover to b, with orders on their way, and a's process is killed while it holds.",
      );
      stage.clients.burst(3, "sell");
      stage.pass(15);
      stage.operators.switchover("b");
      stage.until("a holds", () => stage.boot("a")?.leadership?.leading?.hold !== undefined);
      stage.host("a").kill();
      stage.untilEpoch(2);
      ended(stage);
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "switchover-leader-dies-at-the-handoff",
    title: "The leader dies when it has asked: the handoff counts",
    about:
      "The process is killed in the moment in which its handoff leaves. etcd applies it, so the named successor leads without anybody's takeover, and the history, written in the same transaction, tells that the operation is done.",
    play: (stage) => {
      stage.begin();
      atHandoff(stage, () => {
        stage.world.agenda.after(0.5, () => stage.host("a").kill());
      });
      stage.tell("An operator asks for a switchover to b, and a's process is killed as soon as it has asked etcd.");
      stage.operators.switchover("b");
      stage.untilEpoch(2);
      ended(stage);
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "yield",
    title: "Yield: only the leader's own way to the venue is gone",
    about:
      "The leader hears nothing of the venue, and a standby in sync does. After the configured while it hands over by itself, by the same path as a switchover; when nobody reaches the venue, nothing moves.",
    play: (stage) => {
      stage.begin();
      stage.tell("Nobody reaches the venue any more.");
      const healAll = stage.cut(["a", "venue"], ["b", "venue"], ["c", "venue"]);
      stage.pass(4_000);
      stage.show();
      stage.tell("b and c reach it again, a does not.");
      healAll();
      const heal = stage.cut(["a", "venue"]);
      stage.untilEpoch(2);
      stage.orders(1);
      stage.until("a is in sync", () => stage.inSync().length === 3);
      heal();
      stage.pass(100);
      stage.show();
    },
  },
];
