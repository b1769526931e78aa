/** Stories of an etcd that is away, or is not what it was: by promises, and put back from a backup. */
import type { Story } from "./stage.ts";

export const etcdStories: readonly Story[] = [
  {
    name: "etcd-quorum-lost-failsafe",
    title: "etcd's quorum is lost, with failsafe: the leader goes on while all its peers promise",
    about:
      "Every member of the wait set promises, durably and across its own restart, to leave the epoch alone for a while; only when all have answered does the leader's deadline move. When one peer does not answer any more, the deadline comes.",
    failsafe: true,
    play: (stage) => {
      stage.begin();
      stage.tell("All of etcd's members but one stand still; the nodes themselves are well.");
      stage.world.etcd.freeze("b");
      stage.world.etcd.freeze("c");
      stage.pass(6_000);
      stage.orders(2);
      stage.pass(100);
      stage.show();
      stage.tell("c's process is stopped: it promises nothing more.");
      const goOn = stage.freeze("c");
      stage.pass(6_000);
      stage.show();
      stage.tell("c goes on, and etcd is back.");
      goOn();
      stage.world.etcd.thaw("b");
      stage.world.etcd.thaw("c");
      stage.untilEpoch(2);
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.orders(1);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "etcd-restored",
    title: "etcd is put back from a backup: nobody campaigns until an operator re-anchors",
    about:
      "The backup is older than what the journals pinned: it names the leader before the last one. Whoever reads it finds less than it knew, takes no leadership and follows nobody into it. The operator's re-anchoring compares all journals and goes on beyond every epoch and version that anybody saw.",
    play: (stage) => {
      stage.begin();
      const back = stage.world.etcd.store.backup();
      stage.tell("A backup of etcd is taken. Then an operator asks for a switchover to b, and trading goes on.");
      stage.operators.switchover("b");
      stage.untilEpoch(2);
      stage.orders(2);
      stage.pass(1_500);
      stage.show();
      stage.tell("etcd's machines are lost, and etcd is put back from the backup.");
      for (const { place } of stage.world.etcd.members) stage.world.etcd.kill(place);
      stage.pass(800);
      stage.world.watch.etcdRestored();
      stage.world.etcd.restore(back);
      stage.operators.forgetUnknown();
      for (const { place } of stage.world.etcd.members) stage.world.etcd.start(place);
      stage.pass(6_000);
      stage.show();
      stage.tell("The operator compares the journals.");
      stage.operators.reAnchor();
      stage.until("somebody leads", () => stage.world.leader() !== undefined);
      stage.until("all are in sync", () => stage.inSync().length === 3);
      stage.orders(1);
      stage.pass(600);
      stage.show();
    },
  },
];
