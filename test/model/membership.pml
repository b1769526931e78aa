/*
 * The in-sync set under a leader: who leaves it, who joins it, and how a change is settled whose outcome is unknown (rules 6
 * and 7). A leader may shrink and grow at any instant: when it ought to is no matter of safety. Beside it:
 * packages/core/src/succession/membership.ts.
 */
#define MAY_CHANGE(i) (n[i].leads && !n[i].held && n[i].asked.at == NOWHERE && n[i].version < VERSIONS)

inline shrink(i, m) {
  d_step {
    m != i && MAY_CHANGE(i) && (n[i].known & MEMBER(m)) ->
    request(i, SHRINK, n[i].epoch, n[i].version, n[i].known & ~MEMBER(m));
    TELL(shrink, "%d asks to shrink by %d at version %d", i, m, n[i].version)
  }
}

#if FAILSAFE
#define MAY_BE_GROWN(i, m) (!n[i].extended || (n[i].answers & BIT(m)) || !GROW_HAS_PROMISED)
#else
#define MAY_BE_GROWN(i, m) 1
#endif

inline grow(i, m) {
  d_step {
    m != i && MAY_CHANGE(i) && !(n[i].known & MEMBER(m)) && FOLLOWS(m, i) &&
    (n[i].acked[m] >= n[i].committedTo || !GROW_HOLDS_COMMIT) &&
    (n[i].acked[m] >= n[i].inherited || !GROW_HOLDS_INHERITED) &&
    MAY_BE_GROWN(i, m) ->
    request(i, GROW, n[i].epoch, n[i].version, (n[i].known & ~GONE(m)) | MEMBER(m));
    TELL(grow, "%d asks to grow by %d at version %d", i, m, n[i].version)
  }
}

#if HAS_DISKS
/* A member on a disk that is gone: also one of the leader's own. */
inline shrinkGone(i, m) {
  d_step {
    MAY_CHANGE(i) && (n[i].known & GONE(m)) ->
    request(i, SHRINK, n[i].epoch, n[i].version, n[i].known & ~GONE(m));
    TELL(shrinkGone, "%d asks to shrink by the old disk of %d at version %d", i, m, n[i].version)
  }
}
#endif

/* Writes the same members again: whatever else is out on this version can then never be applied. */
inline bump(i) {
  d_step {
    n[i].leads && n[i].asked.at == NOWHERE && n[i].version < VERSIONS && (n[i].held || PROPOSES(n[i].stray, i)) ->
    request(i, BUMP, n[i].epoch, n[i].version, n[i].known);
    TELL(bump, "%d asks for a bump at version %d", i, n[i].version)
  }
}

/* No answer came. The request may have been applied, may be applied later, or never. */
inline outcomeUnknown(i) {
  d_step {
    n[i].leads && lostLeft > 0 && n[i].asked.at == ON_ITS_WAY && n[i].stray.at == NOWHERE ->
    lostLeft--;
    TELL(outcomeUnknown, "%d gives up waiting for its request, kind %d", i, n[i].asked.kind);
    copy(n[i].asked, n[i].stray);
    forget(n[i].asked);
    tidy()
  }
}
