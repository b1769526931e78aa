/*
 * A standby m and a leader i on the link between them (rules 4 and 5). Frames and acknowledgements arrive at once: README.md
 * says why nothing is lost by that. Beside it: packages/core/src/replication/rejoin.ts, mayAcknowledge in
 * packages/core/src/succession/wait-set.ts, packages/journal/src/replication.
 */
#define FOLLOWS(m, i) (!n[m].leads && n[m].joined && n[i].leads && n[i].epoch == n[m].epochMax)

/* Promises the leader's epoch, durably, then says hello; what differs from the leader's journal is quarantined and cut. */
inline follow(m, i) {
  d_step {
    m != i && !n[m].leads && n[i].leads && (n[i].epoch >= n[m].epochMax || !REFUSE_LOWER_EPOCHS) && !FOLLOWS(m, i) ->
    n[m].epochMax = n[i].epoch; n[m].joined = 1;
    if
    :: n[m].vowEpoch < n[i].epoch -> n[m].vowEpoch = 0; n[m].vowVersion = 0
    :: else
    fi;
    y = (CUT_BY_HASH -> COMMON(n[m].log, n[i].log) : HEAD(n[m].log, COUNT(n[i].log)));
    x = n[m].log & ~y;
    w = 0; e = 1;
    do
    :: e <= n[i].epoch -> w = w | committed[e]; e++
    :: else -> break
    od;
    MUST(I19_committed_is_never_cut, (x & w & ~LOSS) == 0);
    n[m].log = y; n[m].durable = COUNT(y);
    if
    :: ACKS_NAME_LEADERSHIP -> n[i].acked[m] = 0
    :: else
    fi;
#if HAS_DISKS
    n[i].ackedByGone[m] = 0;
#endif
    TELL(follow, "%d follows %d in epoch %d and holds records %d", m, i, n[i].epoch, y)
  }
}

/* A frame arrives and is fsynced. Received and not yet fsynced is not yet received: a crash loses both. */
inline receive(m, i) {
  d_step {
    m != i && FOLLOWS(m, i) && COUNT(n[m].log) < COUNT(n[i].log) ->
    n[m].log = n[m].log | LOWEST(n[i].log & ~HEAD(n[i].log, COUNT(n[m].log)));
    n[m].durable = COUNT(n[m].log);
    TELL(receive, "%d receives from %d and holds records %d", m, i, n[m].log)
  }
}

inline acknowledge(m, i) {
  d_step {
    m != i && FOLLOWS(m, i) && n[m].vowEpoch != n[i].epoch && n[i].acked[m] < COUNT(n[m].log) ->
    checkAcknowledge(m, n[i].epoch);
    n[i].acked[m] = COUNT(n[m].log);
    TELL(acknowledge, "%d acknowledges position %d to %d", m, n[i].acked[m], i)
  }
}
