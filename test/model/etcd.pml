/*
 * etcd: one atomic store. A request is applied at any time after it was sent, or never; its guards are looked at then. The
 * version of the set stands for its revision: it is never reset, and written once. Beside it:
 * packages/cluster/src/etcd/transaction.ts.
 */

inline forget(q) {
  q.at = NOWHERE; q.kind = 0; q.epoch = 0; q.version = 0; q.set = 0; q.isThisBoot = 0; q.isAbsent = 0;
#if PAUSES
  q.control = 0;
#endif
#if RESTORES
  q.etcd = 0;
#endif
}

inline copy(from, to) {
  to.at = from.at; to.kind = from.kind; to.epoch = from.epoch; to.version = from.version; to.set = from.set;
  to.isThisBoot = from.isThisBoot; to.isAbsent = from.isAbsent;
#if PAUSES
  to.control = from.control;
#endif
#if RESTORES
  to.etcd = from.etcd;
#endif
}

/* Node i asks for `what`, guarded on this epoch and version, and waits for the answer. */
inline request(i, what, guardEpoch, guardVersion, members) {
  n[i].asked.at = ON_ITS_WAY; n[i].asked.kind = what;
  n[i].asked.epoch = guardEpoch; n[i].asked.version = guardVersion; n[i].asked.set = members;
  n[i].asked.isThisBoot = 1;
#if PAUSES
  n[i].asked.control = etcdControl;
#endif
#if RESTORES
  n[i].asked.etcd = n[i].pin;
#endif
}

#define IS_TAKEOVER(q) (q.kind == TAKEOVER || q.kind == UNCLEAN_TAKEOVER)
#define IS_CHANGE(q) (q.kind == SHRINK || q.kind == GROW || q.kind == BUMP)
#define IS_HANDOFF(q) (q.kind == HANDOFF || q.kind == YIELD)

/* The guards, as they stand in the transaction. What no longer holds never holds again. */
#define VERSION_HOLDS(q) (q.version == etcdVersion \
  || (!TAKEOVER_GUARDS_VERSION && q.kind == TAKEOVER) || (!CHANGE_GUARDS_VERSION && IS_CHANGE(q)) \
  || (!HANDOFF_GUARDS_VERSION && IS_HANDOFF(q)))
#define EPOCH_HOLDS(q) (q.epoch == etcdEpoch || (!CHANGE_GUARDS_LEADER && IS_CHANGE(q)))
#if PAUSES
#define CONTROL_HOLDS(q) (q.control == etcdControl || (q.kind == TAKEOVER && !TAKEOVER_GUARDS_CONTROL) \
  || (q.kind == YIELD && !YIELD_GUARDS_CONTROL) || (q.kind != TAKEOVER && q.kind != YIELD))
#else
#define CONTROL_HOLDS(q) 1
#endif
#if RESTORES
#define ETCD_HOLDS(q) (q.etcd == etcdId || !CONNECTIONS_PIN_ETCD)
#else
#define ETCD_HOLDS(q) 1
#endif
#define CAN_APPLY(q) (EPOCH_HOLDS(q) && VERSION_HOLDS(q) && CONTROL_HOLDS(q) && ETCD_HOLDS(q))
#define LEADER_HOLDS(q, i) \
  ((etcdLeader == i && etcdLives == q.isThisBoot) || (!CHANGE_GUARDS_LEADER && IS_CHANGE(q)))

inline noteEpoch(i) {
  MUST(I1_one_leader_per_epoch, leaderOf[etcdEpoch] == 0);
  leaderOf[etcdEpoch] = i + 1
}

/* Applies request q of node i if its guards hold; `ok` says whether they did. */
inline apply(q, i) {
  ok = 0;
  if
  :: CAN_APPLY(q) && IS_TAKEOVER(q) && (!q.isAbsent || etcdLeader == NOBODY) ->
     ok = 1;
     MUST(I8_takeover_or_change, q.version == etcdVersion);
#if PAUSES
     MUST(I16_quiet_in_pause, !etcdPaused || q.kind == UNCLEAN_TAKEOVER);
#endif
     etcdLeader = i; etcdLives = q.isThisBoot; etcdEpoch++; etcdVersion++; etcdSet = q.set;
     noteEpoch(i);
#if FAILSAFE
     checkNobodyExtended();
#endif
#if UNCLEAN
     if
     :: q.kind == UNCLEAN_TAKEOVER -> stateLoss(i)
     :: else
     fi
#endif
  :: CAN_APPLY(q) && IS_CHANGE(q) && LEADER_HOLDS(q, i) ->
     ok = 1;
     MUST(I8_takeover_or_change, q.epoch == etcdEpoch);
     etcdVersion++; etcdSet = q.set
  :: CAN_APPLY(q) && IS_HANDOFF(q) && LEADER_HOLDS(q, i) ->
     ok = 1;
#if PAUSES
     MUST(I16_quiet_in_pause, !etcdPaused || q.kind == HANDOFF);
#endif
     MUST(S_successor_holds_everything, (q.set & DIED) || (n[i].log & ~HEAD(n[q.set].log, n[q.set].durable)) == 0);
     etcdLeader = q.set & ~DIED; etcdLives = !(q.set & DIED); etcdEpoch++;
     noteEpoch(etcdLeader);
     handedOn = handedOn | BIT(etcdEpoch);
     if
     :: etcdLives ->
        /* The successor will read that it leads: what it asked for itself is refused, for its guard is gone. */
        n[etcdLeader].asked.at = APPLIED; n[etcdLeader].asked.kind = HANDOFF; n[etcdLeader].asked.isThisBoot = 1;
        n[etcdLeader].asked.epoch = q.epoch; n[etcdLeader].asked.version = etcdVersion; n[etcdLeader].asked.set = etcdSet;
        n[etcdLeader].asked.isAbsent = 0
     :: else
     fi
  :: else
  fi;
  printf("etcd: answer %d: leader %d, epoch %d, version %d, set %d\n", ok, etcdLeader, etcdEpoch, etcdVersion, etcdSet)
}

/*
 * Requests that can never be applied any more, and vows that are over, are put out of the state, so that it does not grow
 * by what has no consequence. A leader keeps what it waits for until it has learned the outcome.
 */
inline tidy() {
  j = 0;
  do
  :: j < NODES ->
     if
     :: n[j].asked.at == ON_ITS_WAY && IS_TAKEOVER(n[j].asked) && !CAN_APPLY(n[j].asked) -> forget(n[j].asked)
     :: else
     fi;
     if
     :: n[j].stray.at == ON_ITS_WAY && !CAN_APPLY(n[j].stray) ->
        if
        :: n[j].leads && n[j].stray.isThisBoot -> n[j].stray.at = DEAD
        :: else -> forget(n[j].stray)
        fi
     :: else
     fi;
     if
     :: n[j].vowEpoch != 0 && ((etcdEpoch == n[j].vowEpoch && etcdVersion > n[j].vowVersion) || n[j].epochMax > n[j].vowEpoch) ->
        n[j].vowEpoch = 0; n[j].vowVersion = 0
     :: else
     fi;
     j++
  :: else -> break
  od;
  j = 0
}

/* A newer version is known: what was given up on the older one is decided, or dead. */
inline forgetStray(i) {
  if
  :: n[i].stray.at == ON_ITS_WAY && CAN_APPLY(n[i].stray)
  :: else -> forget(n[i].stray)
  fi
}

/* etcd applies what node i waits for, and the answer arrives; or it comes late, which is the same with a later `won`. */
inline answered(i) {
  d_step {
    n[i].asked.at == ON_ITS_WAY ->
    TELL(answered, "etcd gets the request of %d, kind %d", i, n[i].asked.kind);
    apply(n[i].asked, i);
    if
    :: IS_TAKEOVER(n[i].asked) && ok -> n[i].asked.at = APPLIED
    :: IS_CHANGE(n[i].asked) && ok && n[i].leads ->
       n[i].version = n[i].asked.version + 1; n[i].known = n[i].asked.set; n[i].held = 0;
       forgetStray(i);
       forget(n[i].asked)
    :: IS_HANDOFF(n[i].asked) && ok -> forget(n[i].asked); leaveLeadership(i)
    :: else -> forget(n[i].asked)
    fi;
    tidy()
  }
}

/* etcd applies a request that was given up, or whose boot has died. Nobody hears the answer. */
inline appliedUnseen(i) {
  d_step {
    n[i].stray.at == ON_ITS_WAY ->
    TELL(appliedUnseen, "etcd gets a request that %d gave up, kind %d", i, n[i].stray.kind);
    apply(n[i].stray, i);
    if
    :: IS_TAKEOVER(n[i].stray) && ok && n[i].stray.isThisBoot -> /* it will read that it leads */
       copy(n[i].stray, n[i].asked); n[i].asked.at = APPLIED; forget(n[i].stray)
    :: else ->
       if
       :: n[i].leads && n[i].stray.isThisBoot -> n[i].stray.at = DEAD
       :: else -> forget(n[i].stray)
       fi
    fi;
    tidy()
  }
}
