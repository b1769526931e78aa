/*
 * The leader: what it appends, commits and sends, and when it ceases to lead (rules 1, 2, 3 and 11). Beside it:
 * packages/core/src/succession/leading.ts, wait-set.ts, permit.ts.
 */

/* w: everybody a commit of leader i waits for. Set known committed, and every own proposal whose fate is not known. */
#define PROPOSES(q, i) \
  (q.at != NOWHERE && IS_CHANGE(q) && q.isThisBoot && q.epoch == n[i].epoch && q.version == n[i].version)
inline waitSet(i) {
  w = n[i].known;
  if
  :: !SHRINK_THEN_LEAVE && n[i].asked.at == ON_ITS_WAY && n[i].asked.kind == SHRINK -> w = n[i].asked.set
  :: else
  fi;
  if
  :: JOIN_THEN_GROW && PROPOSES(n[i].asked, i) -> w = w | n[i].asked.set
  :: else
  fi;
  if
  :: JOIN_THEN_GROW && UNKNOWN_STAYS && PROPOSES(n[i].stray, i) -> w = w | n[i].stray.set
  :: else
  fi
}

inline forgetAcks(i) {
  if
  :: ACKS_NAME_LEADERSHIP ->
     p = 0;
     do
     :: p < NODES ->
        n[i].acked[p] = 0;
#if HAS_DISKS
        n[i].ackedByGone[p] = 0;
#endif
        p++
     :: else -> break
     od
  :: else
  fi
}

inline leaveLeadership(i) {
  n[i].leads = 0; n[i].epoch = 0; n[i].version = 0; n[i].known = 0; n[i].committedTo = 0; n[i].inherited = 0; n[i].held = 0;
  n[i].joined = 0;
#if FAILSAFE
  n[i].answers = 0; n[i].extended = 0;
#endif
#if UNCLEAN
  n[i].mustReconcile = 0;
#endif
  forgetAcks(i);
  if
  :: n[i].stray.at == DEAD -> forget(n[i].stray)
  :: else
  fi
}

inline append(i) {
  d_step {
    n[i].leads && !n[i].held && appended < RECORDS ->
    n[i].log = n[i].log | BIT(appended);
#if RESTORES
    bornIn[appended] = n[i].epoch;
#endif
    appended++;
    TELL(append, "%d appends record %d in epoch %d", i, appended, n[i].epoch)
  }
}

inline fsync(i) {
  d_step {
    n[i].leads && n[i].durable < COUNT(n[i].log) ->
    n[i].durable = COUNT(n[i].log);
    TELL(fsync, "%d's own disk has everything", i)
  }
}

/* y: the position up to which leader i may commit now. */
inline commitPoint(i) {
  waitSet(i);
  y = (OWN_FSYNC_COUNTS -> n[i].durable : COUNT(n[i].log));
  p = 0;
  if
  :: ALL_ACKNOWLEDGE ->
     do
     :: p < NODES ->
        if
        :: p != i && (w & MEMBER(p)) && n[i].acked[p] < y -> y = n[i].acked[p]
        :: else
        fi;
#if HAS_DISKS
        if
        :: (w & GONE(p)) && n[i].ackedByGone[p] < y -> y = n[i].ackedByGone[p]
        :: else
        fi;
#endif
        p++
     :: else -> break
     od
  :: else -> /* the highest position that a majority of the nodes has */
     x = y; y = 0; r = 1;
     do
     :: r <= x ->
        e = 1; p = 0;
        do
        :: p < NODES ->
           if
           :: p != i && n[i].acked[p] >= r -> e++
           :: else
           fi;
           p++
        :: else -> break
        od;
        if
        :: 2 * e > NODES -> y = r
        :: else
        fi;
        r++
     :: else -> break
     od
  fi
}

inline commit(i) {
  d_step {
    n[i].leads && n[i].committedTo < COUNT(n[i].log) ->
    commitPoint(i);
    if
    :: y > n[i].committedTo ->
       n[i].committedTo = y;
       TELL(commit, "%d commits up to position %d in epoch %d, having waited for set %d", i, y, n[i].epoch, w | MEMBER(i));
       x = HEAD(n[i].log, y);
       checkDurable(i);
       committed[n[i].epoch] = committed[n[i].epoch] | x;
       checkLateCommit(n[i].epoch)
    :: else
    fi
  }
}

#if SENDS
#define SENT1(r, e0) ((sentBy[r] == (e0)) << (r))
#if RECORDS == 1
#define SENT_IN(e0) SENT1(0, e0)
#elif RECORDS == 2
#define SENT_IN(e0) (SENT1(0, e0) | SENT1(1, e0))
#else
#define SENT_IN(e0) (SENT1(0, e0) | SENT1(1, e0) | SENT1(2, e0))
#endif
#if UNCLEAN
#define CAN_SEND(i) (!n[i].mustReconcile || !RECONCILE_FIRST)
#else
#define CAN_SEND(i) 1
#endif

/* A leader believes in its permit for ever: nothing here rests on its ending. Sends what it has committed and not sent. */
inline send(i) {
  d_step {
    n[i].leads && !n[i].held && n[i].committedTo > 0 && CAN_SEND(i) ->
    x = HEAD(n[i].log, n[i].committedTo);
    if
    :: OWN_EPOCH_ONLY -> x = x & ~HEAD(n[i].log, n[i].inherited)
    :: else
    fi;
    x = x & ~SENT_IN(n[i].epoch);
    if
    :: x != 0 ->
       TELL(send, "%d sends records %d in epoch %d", i, x, n[i].epoch);
       MUST(I3_handed_on_is_over, etcdEpoch <= n[i].epoch || !(handedOn & BIT(n[i].epoch + 1)));
#if UNCLEAN
       MUST(U_reconciled_before_orders, uncleanEpoch == 0 || n[i].epoch < uncleanEpoch || isReconciled);
#endif
       r = 0;
       do
       :: r < RECORDS ->
          if
          :: x & BIT(r) -> MUST(I9_sent_by_one_epoch, sentBy[r] == 0); sentBy[r] = n[i].epoch
          :: else
          fi;
          r++
       :: else -> break
       od
    :: else
    fi
  }
}
#endif

/* A linearizable read shows a newer version of its own: what it proposed on the older one is decided, or dead. */
inline adopt(i) {
  d_step {
    n[i].leads && n[i].asked.at == NOWHERE && etcdEpoch == n[i].epoch && etcdLeader == i && etcdVersion > n[i].version ->
    n[i].version = etcdVersion; n[i].known = etcdSet; n[i].held = 0;
    forgetStray(i);
    TELL(adopt, "%d reads version %d, set %d", i, etcdVersion, etcdSet)
  }
}

#if RESTORES
#define HAS_ANOTHER_ETCD(i) (n[i].pin != etcdId)
#else
#define HAS_ANOTHER_ETCD(i) 0
#endif

/* Whoever reads that a later epoch has begun, or that the key is not its own, ceases to lead. It may read that late. */
inline stepDown(i) {
  d_step {
    n[i].leads && (etcdEpoch > n[i].epoch || etcdLeader != i || HAS_ANOTHER_ETCD(i)) ->
    TELL(stepDown, "%d steps down from epoch %d", i, n[i].epoch);
    leaveLeadership(i);
    forget(n[i].asked)
  }
}

#if RESTORES
/* Without etcd the deadline passes: the boot is fenced, and a new one starts. */
inline deadlinePasses(i) {
  d_step {
    n[i].leads ->
    TELL(deadlinePasses, "the deadline of %d passes; it starts again", i);
    restart(i, 1)
  }
}
#endif
