/*
 * Switchover and yield, the leader's part (rule 10): held, it rebinds the leader key to a successor that holds everything.
 * Draining is not told here: a leader that appends nothing for a while is one that the other steps allow. Beside it:
 * packages/core/src/succession/switchover.ts.
 */
#if PAUSES
#define MAY_YIELD(what) (what == HANDOFF || !etcdPaused)
#else
#define MAY_YIELD(what) 1
#endif

inline handOver(i, m, what) {
  d_step {
    m != i && n[i].leads && !n[i].held && n[i].asked.at == NOWHERE && !PROPOSES(n[i].stray, i) && n[i].epoch < EPOCHS &&
    ((n[i].known & MEMBER(m)) || !SUCCESSOR_IS_MEMBER) && FOLLOWS(m, i) && MAY_YIELD(what) &&
    ((n[i].committedTo == COUNT(n[i].log) && n[i].acked[m] == COUNT(n[i].log)) || !SUCCESSOR_HOLDS_ALL) ->
    n[i].held = 1;
    request(i, what, n[i].epoch, n[i].version, m);
    TELL(handOver, "%d is held and asks to hand over to %d, kind %d", i, m, what)
  }
}
