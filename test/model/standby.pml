/*
 * Standing by and taking over (rules 8 and 9). Silence is not told: a standby may ask at any instant. Beside it:
 * packages/core/src/succession/standby.ts.
 */

/* The set without the one who led: its key names it, and when the key has gone, whoever remembers. */
#define LED_BY(i) ((leaderOf[etcdEpoch] == 0 || leaderOf[etcdEpoch] == i + 1) -> 0 : (MEMBER(leaderOf[etcdEpoch] - 1) | GONE(leaderOf[etcdEpoch] - 1)))
#define WITHOUT_LEADER(i) (etcdSet & ~LED_BY(i))

#if PAUSES
#define NOT_PAUSED (!etcdPaused)
#else
#define NOT_PAUSED 1
#endif
#if FAILSAFE
#define NOT_PROMISED(i) (!n[i].promised || (!PROMISE_STOPS_PREEMPTION && etcdLeader != NOBODY))
#else
#define NOT_PROMISED(i) 1
#endif
#if RESTORES
#define IS_ANCHORED(i) (n[i].pin == etcdId || !PIN_ETCD)
#else
#define IS_ANCHORED(i) 1
#endif
#define MAY_TAKE_OVER(i) (NOT_PAUSED && NOT_PROMISED(i) && IS_ANCHORED(i) && (PREEMPTION || etcdLeader == NOBODY))

/* Vows, then asks. With the leader key absent this is an acquisition, with a leader in it a pre-emption. */
inline takeover(i, members) {
  d_step {
    !n[i].leads && n[i].asked.at == NOWHERE && etcdEpoch < EPOCHS && etcdVersion < VERSIONS && n[i].epochMax <= etcdEpoch &&
    ((etcdSet & MEMBER(i)) || !MEMBERS_ONLY) && !(etcdLeader == i && etcdLives) && MAY_TAKE_OVER(i) ->
    if
    :: n[i].epochMax < etcdEpoch -> n[i].epochMax = etcdEpoch; n[i].joined = 0
    :: else
    fi;
    if
    :: VOW -> n[i].vowEpoch = etcdEpoch; n[i].vowVersion = etcdVersion
    :: else
    fi;
    request(i, TAKEOVER, etcdEpoch, etcdVersion, members);
    n[i].asked.isAbsent = (etcdLeader == NOBODY);
    TELL(takeover, "%d vows and asks for the leadership at epoch %d, version %d", i, etcdEpoch, etcdVersion)
  }
}

/* Becomes the leader of epoch e0, having persisted it: nobody sees anything of the winner before. */
inline lead(i, e0, v0, members) {
  n[i].epochMax = e0; n[i].vowEpoch = 0; n[i].vowVersion = 0; n[i].joined = 0;
  n[i].leads = 1; n[i].epoch = e0; n[i].version = v0; n[i].known = members;
  n[i].durable = COUNT(n[i].log); n[i].inherited = COUNT(n[i].log); n[i].committedTo = 0; n[i].held = 0;
  forgetAcks(i);
  forget(n[i].stray);
#if UNCLEAN
  n[i].mustReconcile = (RECONCILE_IS_DURABLE -> etcdMustReconcile : n[i].asked.kind == UNCLEAN_TAKEOVER);
#endif
  TELL(won, "%d leads epoch %d with set %d at version %d and holds records %d", i, e0, members, v0, n[i].log);
  MUST(I1_one_leader_per_epoch, leaderOf[e0] == i + 1 && !(tookOver[e0] & BEGAN));
  checkInherits(i, e0)
}

/* Learns, by the answer or by a read, that it has won. */
inline won(i) {
  d_step {
    n[i].asked.at == APPLIED ->
    if
    :: !n[i].leads && n[i].epochMax <= n[i].asked.epoch + 1 ->
       lead(i, n[i].asked.epoch + 1, n[i].asked.version + (IS_TAKEOVER(n[i].asked) -> 1 : 0), n[i].asked.set)
    :: else
    fi;
    forget(n[i].asked)
  }
}
