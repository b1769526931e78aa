/*
 * Steps that exist only where a guard is missing.
 */

/* Without rule 10: a read that shows nothing new is taken for a no. */
inline resumeAfterRead(i) {
  d_step {
    !RESUME_AFTER_BUMP && n[i].leads && n[i].held && n[i].asked.at == NOWHERE && etcdEpoch == n[i].epoch && etcdLeader == i ->
    n[i].held = 0;
    printf("resumeAfterRead: %d resumes\n", i)
  }
}

/* Without the last word of rule 9: a new boot takes the key of an older one for its own. */
inline wonByOlderBoot(i) {
  d_step {
    !WINNER_IS_THIS_BOOT && !n[i].leads && n[i].asked.at == NOWHERE && etcdLeader == i && !etcdLives &&
    etcdEpoch >= n[i].epochMax ->
    etcdLives = 1;
    lead(i, etcdEpoch, etcdVersion, etcdSet)
  }
}

/* Without rule 5: no answer for long, so the vow is dropped. The request is still out. */
inline unvow(i) {
  d_step {
    !VOW_OUTLASTS_TIMEOUT && !n[i].leads && n[i].asked.at == ON_ITS_WAY && n[i].stray.at == NOWHERE ->
    copy(n[i].asked, n[i].stray);
    forget(n[i].asked);
    n[i].vowEpoch = 0; n[i].vowVersion = 0;
    printf("unvow: %d drops its vow\n", i)
  }
}
