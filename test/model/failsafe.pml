/*
 * Failsafe: with etcd away, the whole wait set promises for a time P to neither acquire nor pre-empt, and the leader goes on
 * until its deadline, which is earlier than the end of any of those promises. Of time only that order is told: a promise
 * does not end while a deadline rests on it. A promise starts anew when its node starts anew.
 */
#if FAILSAFE
inline promise(m, i) {
  d_step {
    m != i && FOLLOWS(m, i) && !(n[i].answers & BIT(m)) && (n[m].vowEpoch == 0 || !NO_PROMISE_UNDER_VOW) ->
    n[m].promised = 1;
    n[i].answers = n[i].answers | BIT(m);
    TELL(promise, "%d promises %d to leave the epoch alone", m, i)
  }
}

inline extend(i) {
  d_step {
    n[i].leads && !n[i].held && !n[i].extended && n[i].answers != 0 ->
    waitSet(i);
    if
    :: WAIT_SET_PROMISES
    :: else -> w = n[i].known
    fi;
    if
    :: (w & ~(n[i].answers | MEMBER(i))) == 0 || !ALL_PROMISE ->
       n[i].extended = 1;
       TELL(extend, "%d extends its deadline by promises of set %d", i, n[i].answers);
       MUST(F_promise_keeps_the_epoch, etcdEpoch == n[i].epoch)
    :: else
    fi
  }
}

inline extensionEnds(i) {
  d_step {
    n[i].extended ->
    n[i].extended = 0; n[i].answers = 0;
    TELL(extensionEnds, "the extended deadline of %d passes", i)
  }
}

#define RESTS_ON(i, m) (n[i].leads && n[i].extended && (n[i].answers & BIT(m)))
#if NODES == 2
#define ANYONE_RESTS_ON(m) (RESTS_ON(0, m) || RESTS_ON(1, m))
#define IS_EXTENDED (ACTS_EXTENDED(0) || ACTS_EXTENDED(1))
#else
#define ANYONE_RESTS_ON(m) (RESTS_ON(0, m) || RESTS_ON(1, m) || RESTS_ON(2, m))
#define IS_EXTENDED (ACTS_EXTENDED(0) || ACTS_EXTENDED(1) || ACTS_EXTENDED(2))
#endif
#define ACTS_EXTENDED(i) (n[i].leads && n[i].extended && !n[i].held)

inline promiseEnds(m) {
  d_step {
    n[m].promised && !ANYONE_RESTS_ON(m) ->
    n[m].promised = 0;
    j = 0;
    do
    :: j < NODES -> n[j].answers = n[j].answers & ~BIT(m); j++
    :: else -> break
    od;
    TELL(promiseEnds, "the promise of %d ends", m)
  }
}

/* No epoch is taken over while somebody still acts on an extended deadline. */
inline checkNobodyExtended() {
  MUST(F_promise_keeps_the_epoch, !IS_EXTENDED)
}
#endif
