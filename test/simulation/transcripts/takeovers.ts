/** Stories of taking over: election, expiry, pre-emption won and lost, crash, freeze, etcd away, two nodes. */
import type { Story } from "./stage.ts";

export const takeoverStories: readonly Story[] = [
  {
    name: "election",
    title: "Election: the first leader of a new cluster",
    about:
      "Three nodes start at once on empty journals. Each that is in the set may ask; each makes its vow durable before it asks; etcd lets one of them win. The winner makes the epoch durable before any other act, and the others follow it.",
    play: (stage) => {
      for (const host of stage.world.nodes) host.start();
      stage.untilEpoch(1);
      stage.until("all follow", () => stage.world.watch.counts.get("follow") === 2);
      stage.pass(300);
      stage.show();
      stage.tell("A client asks for orders.");
      stage.orders(2);
      stage.pass(200);
    },
  },
  {
    name: "crash",
    title: "Crash: the leader's process dies, its supervisor lives",
    about:
      "The supervisor reaps the process, writes its death to etcd and gives back its lease, so nobody has to wait for the lease to end, and what the dead process may have sent is bounded by its death.",
    play: (stage) => {
      stage.begin();
      stage.tell("The leader's process is killed with orders on their way.");
      stage.clients.burst(3, "buy");
      stage.pass(4);
      stage.host("a").kill();
      stage.untilEpoch(2);
      stage.until("a is back in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "expiry",
    title: "Expiry: a leader is cut off, and nobody pre-empts",
    about:
      "Pre-emption is switched off. The leader cannot renew its lease; its deadline ends before the lease does, so it has stopped by itself when the lease ends and a standby takes over.",
    preempt: false,
    play: (stage) => {
      stage.begin();
      stage.tell("The leader's machine is cut off from the others. It still reaches the venue.");
      const heal = stage.cut(["a", "b"], ["a", "c"]);
      stage.untilEpoch(2);
      stage.orders(2);
      stage.tell("The cut ends.");
      heal();
      stage.until("a is in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "pre-emption-won",
    title: "Pre-emption won: a silent leader is replaced before its lease ends",
    about:
      "The leader is cut off and falls silent. A standby vows, durably, to acknowledge nothing more under this set, and asks for the next epoch. The old leader can commit nothing any more, for every commit waits for all members of the set.",
    play: (stage) => {
      stage.begin();
      stage.tell("The leader's machine is cut off from the others.");
      const heal = stage.cut(["a", "b"], ["a", "c"]);
      stage.orders(1);
      stage.untilEpoch(2);
      stage.orders(2);
      stage.tell("The cut ends: the old leader reads of the later epoch, if its deadline has not ended it before.");
      heal();
      stage.until("a is in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "pre-emption-lost",
    title: "Pre-emption lost: the leader wakes in time and takes the asker out of the set",
    about:
      "The leader's process stands still for a second; the standby vows, says so and asks for the next epoch, and its request is slow. The leader goes on, hears of the vow, and removes the standby with a change of its own on the same version. etcd lets exactly one of the two win. The standby stays vowed until it sees the newer version, then follows again and is taken in.",
    nodes: ["a", "b"],
    durability: "available",
    play: (stage) => {
      stage.begin();
      const { ambushes, etcd, agenda } = stage.world;
      const goOn = stage.freeze("a");
      const wait = (_node: string, transaction: { readonly kind: string }): void => {
        if (transaction.kind !== "takeover") return;
        ambushes.delete(wait);
        etcd.temper.late = { chance: 1, ms: 320, atLeastMs: 300 };
        agenda.after(0.2, () => {
          etcd.temper.late = { chance: 0, ms: 0 };
          goOn();
        });
      };
      ambushes.add(wait);
      stage.tell("a's process is stopped, until the moment in which b asks.");
      stage.until("b was refused", () => (stage.world.watch.counts.get("takeover refused") ?? 0) > 0);
      stage.until("b is in sync", () => stage.inSync().length === 2);
      stage.orders(1);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "freeze-and-wake",
    title: "Freeze and wake: a leader sleeps through its own replacement",
    about:
      "The leader's process is stopped for four seconds. When it goes on, the first thing that it does meets a permit that has ended by the monotonic clock: it sends nothing, ends, and its next boot follows.",
    play: (stage) => {
      stage.begin();
      stage.tell("The leader's process is stopped, with orders on their way.");
      stage.clients.burst(3, "sell");
      stage.pass(3);
      const goOn = stage.freeze("a");
      stage.untilEpoch(2);
      stage.orders(1);
      stage.pass(2_000);
      stage.tell("It goes on.");
      goOn();
      stage.until("a is in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "etcd-quorum-lost",
    title: "etcd's quorum is lost: trading stops at the deadline",
    about:
      "Two of three etcd members stand still. Nothing can be renewed, so the leader stops at its deadline, before its lease could end; nobody can take over. When etcd is back a leader is elected and goes on.",
    play: (stage) => {
      stage.begin();
      stage.tell("Two etcd members stand still; the nodes themselves are well.");
      stage.world.etcd.freeze("b");
      stage.world.etcd.freeze("c");
      stage.orders(2);
      stage.pass(3_000);
      stage.show();
      stage.tell("They go on.");
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
    name: "leader-cut-from-etcd",
    title: "The leader alone does not reach etcd",
    about:
      "Its links to the standbys stand, so nobody pre-empts it; its deadline ends it, and its key goes with its lease. A standby that still hears it vows before it asks, so nothing is acknowledged to the old leader while the request can win.",
    play: (stage) => {
      stage.begin();
      stage.tell("The leader's connections to etcd are cut, and only those.");
      const heal = stage.cutFromEtcd("a");
      stage.orders(2);
      stage.untilEpoch(2);
      stage.tell("The cut ends.");
      heal();
      stage.until("a is in sync", () => stage.inSync().length === 3);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "two-node-swap",
    title: "Two nodes: one dies, the other goes on, and they swap",
    about:
      "With two nodes and durability 'available' the one that is left goes on alone, loudly. The one that comes back catches up and is taken in; then the other one dies. No moment lets an older journal lead.",
    nodes: ["a", "b"],
    durability: "available",
    play: (stage) => {
      stage.begin();
      stage.tell("b's machine loses power; a removes it from the set and goes on alone.");
      stage.host("b").powerOff();
      stage.until("b is out of the set", () => stage.inSync().length === 1);
      stage.orders(2);
      stage.pass(100);
      stage.tell("a's machine loses power too, and b comes back first: it is not in the set, so it waits.");
      stage.host("a").powerOff();
      stage.host("b").powerOn();
      stage.pass(4_000);
      stage.show();
      stage.tell("a comes back.");
      stage.host("a").powerOn();
      stage.until("both are in sync", () => stage.world.leader() !== undefined && stage.inSync().length === 2);
      stage.orders(1);
      stage.tell("Now a loses power, with b in the set.");
      stage.host("a").powerOff();
      stage.until("b leads", () => stage.boot("b")?.isLeading === true);
      stage.orders(1);
      stage.host("a").powerOn();
      stage.until("both are in sync", () => stage.inSync().length === 2);
      stage.pass(100);
      stage.show();
    },
  },
  {
    name: "takeover-loop",
    title: "A loop of takeovers: the next leader starts held",
    about:
      "Each new leader dies as the last one did. The third that takes over for the same reason within the configured time leads, cancels and resolves, but takes no new risk until a person has looked at it.",
    play: (stage) => {
      stage.begin();
      for (const [at, epoch] of ["once", "twice", "three times"].entries()) {
        stage.tell(`The leader's process is killed: ${epoch}.`);
        stage.host(stage.leader().node).kill();
        stage.untilEpoch(at + 2);
        stage.until("all are in sync", () => stage.inSync().length === 3);
      }
      stage.tell("A client asks for an order, and gets none until an operator acknowledges.");
      stage.orders(1);
      stage.pass(500);
      stage.operators.acknowledge();
      stage.pass(300);
      stage.orders(1);
      stage.pass(200);
      stage.show();
    },
  },
];
