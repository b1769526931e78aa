/*
 * What must hold, judged from outside: by what etcd applied, what lies on the disks and what a leader did. A name below
 * is always false, and stands in its assertion so that a counterexample says which promise was broken. Some
 * can be waived (-DWAIVE_I5=1), to see whether what breaks them also loses records.
 */
#ifndef WAIVE_I4
#define WAIVE_I4 0
#endif
#ifndef WAIVE_I5
#define WAIVE_I5 0
#endif
#ifndef WAIVE_S
#define WAIVE_S 0
#endif
#ifndef WAIVE_I7
#define WAIVE_I7 0
#endif
#ifndef WAIVE_I8
#define WAIVE_I8 0
#endif
hidden byte I1_one_leader_per_epoch;
hidden byte I3_handed_on_is_over;
hidden byte I4_durable_before_sent = WAIVE_I4;
hidden byte I5_nothing_under_a_vow = WAIVE_I5;
hidden byte I6_committed_is_inherited;
hidden byte I7_waits_for_the_set = WAIVE_I7;
hidden byte I8_takeover_or_change = WAIVE_I8;
hidden byte I9_sent_by_one_epoch;
hidden byte I16_quiet_in_pause;
hidden byte I19_committed_is_never_cut;
hidden byte F_promise_keeps_the_epoch;
hidden byte S_successor_holds_everything = WAIVE_S;
hidden byte U_reconciled_before_orders;
#define MUST(promise, what) assert(promise || (what))

/* I6, when node i takes over epoch e0: its journal holds whatever earlier epochs committed. */
inline checkInherits(i, e0) {
  x = HEAD(n[i].log, n[i].durable);
  tookOver[e0] = BEGAN | x;
  e = 1;
  do
  :: e < e0 -> MUST(I6_committed_is_inherited, (committed[e] & ~x & ~LOSS) == 0); e++
  :: else -> break
  od;
  e = 0
}

/* I6, when the leader of epoch e0 commits records x, however late: every leader of a later epoch held them from the start. */
inline checkLateCommit(e0) {
  e = e0 + 1;
  do
  :: e <= EPOCHS ->
     MUST(I6_committed_is_inherited, !(tookOver[e] & BEGAN) || (x & ~tookOver[e] & ~LOSS) == 0); e++
  :: else -> break
  od;
  e = 0
}

/* I4 and I7, when leader i commits records x having waited for w, while its epoch is current. */
#if RESTORES
#define IS_ITS_ETCD(i) (restoresLeft == RESTORES || (anchoredAt != 0 && n[i].epoch > anchoredAt))
#else
#define IS_ITS_ETCD(i) 1
#endif
inline checkDurable(i) {
  if
  :: etcdEpoch == n[i].epoch && IS_ITS_ETCD(i) ->
     j = 0;
     do
     :: j < NODES ->
        MUST(I4_durable_before_sent, !(etcdSet & MEMBER(j)) || (x & ~HEAD(n[j].log, n[j].durable)) == 0); j++
     :: else -> break
     od;
     MUST(I7_waits_for_the_set, (etcdSet & ~(w | MEMBER(i))) == 0)
  :: else
  fi
}

/* I5, when node i acknowledges to the leader of epoch e0: no takeover that it asked for, on the
 * disk that it has, can still win at what etcd holds. */
#define CAN_STILL_WIN(q, i, e0) \
  ((q.set & MEMBER(i)) && q.at == ON_ITS_WAY && q.kind == TAKEOVER && q.epoch == e0 && q.epoch == etcdEpoch && q.version == etcdVersion)
inline checkAcknowledge(i, e0) {
  MUST(I5_nothing_under_a_vow, e0 >= n[i].epochMax);
  MUST(I5_nothing_under_a_vow, !CAN_STILL_WIN(n[i].asked, i, e0));
  MUST(I5_nothing_under_a_vow, !CAN_STILL_WIN(n[i].stray, i, e0))
}
