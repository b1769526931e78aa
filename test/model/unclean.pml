/*
 * Unclean failover: an operator names a node that is not in sync. It waits until every permit has ended, which only time
 * can tell (the leader key absent for TTL + validity, or the end of the last promise); that is told here as "nobody leads".
 * It says beforehand what will be lost, and until the account is reconciled no new order leaves.
 */
#if UNCLEAN
/* Nor will anybody who has won without knowing it yet: its lease has ended like the others. */
#define NO_LEADER(i) (!n[i].leads && n[i].asked.at != APPLIED)
#if NODES == 2
#define NOBODY_LEADS (NO_LEADER(0) && NO_LEADER(1))
#else
#define NOBODY_LEADS (NO_LEADER(0) && NO_LEADER(1) && NO_LEADER(2))
#endif

inline uncleanTakeover(i) {
  d_step {
    uncleanLeft > 0 && !n[i].leads && n[i].asked.at == NOWHERE && etcdEpoch < EPOCHS && etcdVersion < VERSIONS &&
    n[i].epochMax <= etcdEpoch && etcdLeader == NOBODY && !(etcdSet & MEMBER(i)) && (NOBODY_LEADS || !UNCLEAN_WAITS) ->
    uncleanLeft--;
    n[i].epochMax = etcdEpoch; n[i].joined = 0; n[i].vowEpoch = etcdEpoch; n[i].vowVersion = etcdVersion;
    request(i, UNCLEAN_TAKEOVER, etcdEpoch, etcdVersion, MEMBER(i));
    n[i].asked.isAbsent = 1;
    TELL(uncleanTakeover, "%d, not in sync, is made to ask for the leadership at epoch %d", i, etcdEpoch)
  }
}

/* What is said to be lost: whatever was committed up to now and is not in this journal. More is never lost. */
inline stateLoss(i) {
  x = 0; e = 1;
  do
  :: e <= EPOCHS -> x = x | committed[e]; e++
  :: else -> break
  od;
  statedLost = statedLost | (x & ~HEAD(n[i].log, n[i].durable));
  uncleanEpoch = etcdEpoch; isReconciled = 0;
  etcdMustReconcile = 1
}

inline reconcile(i) {
  d_step {
    n[i].leads && n[i].mustReconcile && etcdLeader == i && etcdEpoch == n[i].epoch ->
    n[i].mustReconcile = 0; etcdMustReconcile = 0; isReconciled = 1;
    TELL(reconcile, "%d reconciles the account", i)
  }
}
#endif
