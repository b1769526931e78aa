/*
 * etcd restored from a backup, and re-anchoring. The backup may be of any earlier time; requests that were on their way may
 * still arrive. A journal pins the id of its etcd: with another one nobody asks for the leadership, until an operator has
 * stopped everybody, compared all journals, and begun above every epoch that anyone has promised.
 */
#if RESTORES
#if NODES == 2
#define NONE_LEADS (!n[0].leads && !n[1].leads)
#define NONE_PROMISED_LAST (n[0].epochMax < EPOCHS && n[1].epochMax < EPOCHS)
#else
#define NONE_LEADS (!n[0].leads && !n[1].leads && !n[2].leads)
#define NONE_PROMISED_LAST (n[0].epochMax < EPOCHS && n[1].epochMax < EPOCHS && n[2].epochMax < EPOCHS)
#endif

inline backUp() {
  d_step {
    !backup.isTaken && restoresLeft > 0 ->
    backup.isTaken = 1;
    backup.leader = etcdLeader; backup.lives = etcdLives; backup.epoch = etcdEpoch;
    backup.version = etcdVersion; backup.set = etcdSet;
    TELL(backUp, "etcd is backed up: leader %d, epoch %d, version %d, set %d", etcdLeader, etcdEpoch, etcdVersion, etcdSet)
  }
}

inline restoreEtcd() {
  d_step {
    backup.isTaken && restoresLeft > 0 &&
    (backup.epoch != etcdEpoch || backup.version != etcdVersion || backup.leader != etcdLeader) ->
    restoresLeft--;
    etcdLeader = backup.leader; etcdEpoch = backup.epoch; etcdVersion = backup.version; etcdSet = backup.set;
    etcdLives = backup.lives;
    backup.isTaken = 0; backup.leader = 0; backup.lives = 0; backup.epoch = 0; backup.version = 0; backup.set = 0;
    etcdId = RESTORE_RENAMES;
    TELL(restoreEtcd, "etcd is restored: leader %d, epoch %d, version %d, set %d", etcdLeader, etcdEpoch, etcdVersion, etcdSet);
    tidy()
  }
}

/* The epoch of the last record that is durable at node i, and how many there are. */
#define LAST(i) HEAD(n[i].log, n[i].durable)
#define EPOCH_OF(s) ((s) >= 8 -> bornIn[3] : ((s) >= 4 -> bornIn[2] : ((s) >= 2 -> bornIn[1] : ((s) >= 1 -> bornIn[0] : 0))))
#define RANK(i) ((ANCHOR_BY_EPOCH -> 8 * EPOCH_OF(LAST(i)) : 0) + n[i].durable)


/* `skipped`: a node that is not asked (NOBODY: all are). */
inline reAnchor(skipped) {
  d_step {
    etcdId == 1 && n[0].pin == 0 && (skipped == NOBODY || !ANCHOR_COMPARES_ALL) &&
    (!ANCHOR_STOPS_LEADERS || NONE_LEADS) && (!ANCHOR_RAISES_EPOCH || (etcdEpoch < EPOCHS && NONE_PROMISED_LAST)) ->
    e = etcdEpoch; x = NOBODY; j = 0;
    do
    :: j < NODES ->
       if
       :: j != skipped ->
          if
          :: x == NOBODY || RANK(j) > RANK(x) -> x = j
          :: else
          fi;
          if
          :: n[j].epochMax > e -> e = n[j].epochMax
          :: else
          fi
       :: else
       fi;
       n[j].pin = 1;
       if
       :: ANCHOR_FORGETS_REQUESTS -> forget(n[j].asked); forget(n[j].stray)
       :: else
       fi;
       j++
    :: else -> break
    od;
    if
    :: ANCHOR_RAISES_EPOCH -> etcdEpoch = e + 1
    :: else
    fi;
    etcdVersion++; anchoredAt = etcdEpoch;
    etcdLeader = NOBODY; etcdLives = 0; etcdSet = MEMBER(x);
    TELL(reAnchor, "re-anchored at epoch %d, version %d on the journal of %d", etcdEpoch, etcdVersion, x);
    tidy()
  }
}
#endif
