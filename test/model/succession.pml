/*
 * Succession: who may lead, what a commit waits for, and how a standby may take over early, as guarded steps that are
 * explored in every order. There is no clock: a lease ends at any instant, a leader believes in its permit for ever, a
 * request to etcd is applied late or never, an answer gets lost. README.md puts each step beside the code that takes it.
 */
#include "sizes.pml"
#include "guards.pml"
#include "state.pml"
#include "properties.pml"
#include "telling.pml"
#include "etcd.pml"
#include "following.pml"
#include "leading.pml"
#include "membership.pml"
#include "switchover.pml"
#include "failsafe.pml"
#include "unclean.pml"
#include "standby.pml"
#include "world.pml"
#include "restore.pml"
#include "disks.pml"
#include "broken.pml"

#if SWITCHOVER
#if PAUSES
#define HANDING(i) :: handOver(me, i, HANDOFF) :: handOver(me, i, YIELD)
#else
#define HANDING(i) :: handOver(me, i, HANDOFF)
#endif
#else
#define HANDING(i)
#endif
#if FAILSAFE
#define PROMISING(i) :: promise(me, i)
#else
#define PROMISING(i)
#endif

#if HAS_DISKS
#define OLD_DISK(i) :: shrinkGone(me, i)
#else
#define OLD_DISK(i)
#endif

/* What node `me` may do towards node i, as its follower and as its leader. */
#define TOWARDS(i) \
  :: follow(me, i) \
  :: receive(me, i) \
  :: acknowledge(me, i) \
  :: shrink(me, i) \
  :: grow(me, i) \
  OLD_DISK(i) \
  HANDING(i) \
  PROMISING(i)

proctype node(byte me) {
  do
  :: append(me)
  :: fsync(me)
  :: commit(me)
#if SENDS
  :: send(me)
#endif
  :: bump(me)
  :: outcomeUnknown(me)
  :: adopt(me)
  :: stepDown(me)
  :: takeover(me, WITHOUT_LEADER(me))
#if EXPIRY
  :: takeover(me, etcdSet)
#endif
  :: won(me)
  TOWARDS(0)
  TOWARDS(1)
#if NODES > 2
  TOWARDS(2)
#endif
  :: answered(me)
  :: appliedUnseen(me)
  :: crash(me, 1)
  :: crash(me, 0)
#if FAILSAFE
  :: extend(me)
  :: extensionEnds(me)
  :: promiseEnds(me)
#endif
#if UNCLEAN
  :: uncleanTakeover(me)
  :: reconcile(me)
#endif
#if RESTORES
  :: deadlinePasses(me)
#endif
#if NEW_DISKS
  :: newDisk(me)
#endif
#if ROLLBACKS
  :: takeImage(me)
  :: rollBack(me)
#endif
#if !RESUME_AFTER_BUMP
  :: resumeAfterRead(me)
#endif
#if !WINNER_IS_THIS_BOOT
  :: wonByOlderBoot(me)
#endif
#if !VOW_OUTLASTS_TIMEOUT
  :: unvow(me)
#endif
  od
}

#if EXPIRY || PAUSES || RESTORES
active proctype world() {
  do
#if EXPIRY
  :: leaseEnds()
#endif
#if PAUSES
  :: pause()
#endif
#if RESTORES
  :: backUp()
  :: restoreEtcd()
  :: reAnchor(NOBODY)
#if !ANCHOR_COMPARES_ALL
  :: reAnchor(0)
  :: reAnchor(1)
  :: reAnchor(2)
#endif
#endif
  od
}
#endif

init {
  d_step {
    j = 0;
    do
    :: j < NODES -> n[j].epochMax = 1; n[j].joined = (j != 0); j++
    :: else -> break
    od;
    n[0].leads = 1; n[0].epoch = 1; n[0].version = 1; n[0].known = FIRST_SET;
    leaderOf[1] = 1; tookOver[1] = BEGAN
  }
  atomic {
    run node(0);
    run node(1);
#if NODES > 2
    run node(2)
#endif
  }
}
