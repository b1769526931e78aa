/** Stories of journals that differ: a tail that was never committed, an empty disk, a fork. */
import { id } from "@baton/core";
import type { JournalId } from "@baton/core";
import type { Story } from "./stage.ts";

export const journalStories: readonly Story[] = [
  {
    name: "divergent-tail",
    title: "Divergent tail: what an old leader wrote and nobody else holds",
    about:
      "The leader is cut off and goes on recording for a moment; nothing of that can be committed, so nothing of it is sent. When it comes back its tail is compared by hash, kept in quarantine as evidence, cut, and it catches up.",
    play: (stage) => {
      stage.begin();
      stage.tell("The leader is cut off from the other nodes, and its clients still reach it.");
      const heal = stage.cut(["a", "b"], ["a", "c"]);
      stage.clients.burst(4, "buy");
      stage.pass(400);
      stage.show();
      stage.untilEpoch(2);
      stage.orders(1);
      stage.tell("The cut ends.");
      heal();
      stage.until("a is in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "replaced-disk",
    title: "Replaced disk: the same node with an empty journal",
    about:
      "A new disk is a new journal id: it is not the member that the set names, so it cannot lead, counts for no commit, and is taken in only when it holds everything.",
    play: (stage) => {
      stage.begin();
      stage.tell("b's disk is replaced by an empty one, and the leader's process dies while b starts.");
      stage.world.heldDown.add(stage.host("b").node);
      stage.host("b").kill();
      stage.host("b").replaceDisk();
      stage.world.heldDown.delete(stage.host("b").node);
      stage.host("b").start();
      stage.pass(15);
      stage.host("a").kill();
      stage.untilEpoch(2);
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.show();
    },
  },
  {
    name: "disk-rolled-back",
    title: "Disk rolled back: a member that no longer holds what it acknowledged",
    about:
      "b's machine is restored from an image that is older than its last start. Its journal has the id that the set names, but it was opened fewer times than etcd has counted: the node ends with a sentence before it says anything to anybody.",
    play: (stage) => {
      stage.begin();
      stage.tell("An image of b's disk is taken; b is started once more, and trading goes on.");
      const rollBack = stage.host("b").disk.backup();
      stage.host("b").kill();
      stage.until("b is back", () => stage.boot("b")?.leadership !== undefined && stage.inSync().length === 3);
      stage.orders(2);
      stage.pass(300);
      stage.tell("b's disk is put back to the image.");
      stage.world.heldDown.add(stage.host("b").node);
      stage.host("b").kill();
      rollBack();
      stage.world.heldDown.delete(stage.host("b").node);
      stage.host("b").start();
      stage.until("b has refused its disk", () => stage.host("b").disk.isRefused);
      stage.pass(1_000);
      stage.show();
      stage.tell("An operator gives it an empty one.");
      stage.host("b").replaceDisk();
      stage.host("b").start();
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.show();
    },
  },
  {
    name: "unclean-failover",
    title: "Unclean failover: the set is lost, and what that costs was said before",
    about:
      "c was cut off until it was out of the set, and lacks records; then everybody in the set is gone. An operator reads what a failover to c may lose and asks for it. It is refused until nobody can act any more. c leads alone, reads the account before it orders anything, and takes back the orders that its journal does not know. Whoever comes back with the lost records is forked and starts with an empty disk.",
    play: (stage) => {
      stage.begin();
      stage.tell("c is cut off from the others; when it is out of the set, orders go on without it.");
      const heal = stage.cut(["c", "a"], ["c", "b"]);
      stage.until("c is out of the set", () => !stage.inSync().includes("c"));
      stage.orders(4);
      stage.pass(1_200);
      stage.show();
      stage.tell("a and b are gone.");
      for (const node of ["a", "b"]) {
        stage.world.heldDown.add(stage.host(node).node);
        stage.host(node).kill();
      }
      heal();
      let isOver = false;
      stage.operators.failoverWithLoss("c", () => isOver);
      stage.until("c leads", () => stage.boot("c")?.isLeading === true);
      isOver = true;
      stage.pass(2_000);
      stage.show();
      stage.tell("a and b come back, and get empty disks.");
      for (const node of ["a", "b"]) {
        stage.world.heldDown.delete(stage.host(node).node);
        stage.host(node).start();
      }
      stage.until("both are forked", () => ["a", "b"].every((node) => stage.host(node).disk.isForked));
      stage.operators.replaceRefusedDisks();
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.pass(500);
      stage.show();
    },
  },
  {
    name: "fork",
    title: "Fork: a disk that lost what it had said to hold",
    about:
      "All machines lose power. b's disk is put back to an older state, with the same journal id, behind Baton's back, and b comes up alone: by its papers it is a member of the set, and it leads with less than was committed. c holds records as committed that b does not have: the journals forked. Nothing is cut and nothing is merged; c stops and calls a person. This is the one thing that the protocol cannot prevent by itself; a disk must keep what it says that it keeps.",
    breaks: true,
    play: (stage) => {
      stage.begin();
      stage.orders(2);
      stage.pass(300);
      stage.show();
      stage.tell("All machines lose power, and b's disk is put back to what it was at the beginning.");
      for (const host of stage.world.nodes) host.powerOff();
      const { disk } = stage.host("b");
      const frames = disk.content.frames.slice(0, 3);
      const last = frames.at(-1)?.last ?? 0;
      disk.content = {
        ...disk.content,
        journal: id<JournalId>(disk.content.journal),
        frames,
        commit: Math.min(disk.content.commit, last),
      };
      disk.tables = undefined;
      stage.pass(3_000);
      for (const place of ["a", "c"]) stage.world.etcd.start(place);
      stage.tell("b comes back first.");
      stage.host("b").powerOn();
      stage.pass(4_000);
      stage.show();
      stage.tell("c comes back.");
      stage.host("c").powerOn();
      stage.pass(1_500);
      stage.show();
    },
  },
];
