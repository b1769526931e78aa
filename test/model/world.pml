/*
 * The world: crashes, leases that end, an operator's pause. A node that does nothing is down or cut off; a message that
 * never comes is a step that is never taken.
 */

/* A crash, and a new boot of the same node. Unsynced records are lost; what was asked of etcd may still be applied. */
inline crash(i, keepsAsk) {
  d_step {
    crashesLeft > 0 && (keepsAsk || (n[i].asked.at == ON_ITS_WAY && n[i].stray.at == ON_ITS_WAY)) ->
    crashesLeft--;
    TELL(crash, "%d crashes and starts again", i);
    restart(i, keepsAsk)
  }
}

inline restart(i, keepsAsk) {
  leaveLeadership(i);
  n[i].log = HEAD(n[i].log, n[i].durable);
  if
  :: !ACK_AFTER_FSYNC && n[i].durable > 0 -> n[i].durable--; n[i].log = HEAD(n[i].log, n[i].durable)
  :: else
  fi;
  if
  :: !VOW_IS_DURABLE -> n[i].vowEpoch = 0; n[i].vowVersion = 0
  :: else
  fi;
  if
  :: !EPOCH_IS_DURABLE -> n[i].epochMax = 1
  :: else
  fi;
#if FAILSAFE
  if
  :: !PROMISE_IS_DURABLE -> n[i].promised = 0
  :: else
  fi;
#endif
#if ROLLBACKS
  n[i].boots++; etcdBoots[i] = n[i].boots;
#endif
  /* The state has room for one request left behind: which one, where there are two, is tried both ways. */
  if
  :: n[i].asked.at == ON_ITS_WAY && keepsAsk -> copy(n[i].asked, n[i].stray)
  :: else
  fi;
  forget(n[i].asked);
  n[i].stray.isThisBoot = 0;
  if
  :: etcdLeader == i -> etcdLives = 0
  :: else
  fi;
#if RESTORES
  if
  :: backup.leader == i -> backup.lives = 0
  :: else
  fi;
#endif
  j = 0;
  do
  :: j < NODES ->
     if
     :: n[j].asked.at == ON_ITS_WAY && IS_HANDOFF(n[j].asked) && n[j].asked.set == i -> n[j].asked.set = i | DIED
     :: else
     fi;
     if
     :: n[j].stray.at == ON_ITS_WAY && IS_HANDOFF(n[j].stray) && n[j].stray.set == i -> n[j].stray.set = i | DIED
     :: else
     fi;
     j++
  :: else -> break
  od;
  tidy()
}

#if EXPIRY
inline leaseEnds() {
  d_step {
    etcdLeader != NOBODY ->
    TELL(leaseEnds, "the lease of %d ends", etcdLeader);
    etcdLeader = NOBODY; etcdLives = 0
  }
}
#endif

#if PAUSES
/* `pause`, or autofailover off, and its end: each is a new revision of the control keys. */
inline pause() {
  d_step {
    etcdControl < 2 * PAUSES ->
    etcdPaused = !etcdPaused; etcdControl++;
    TELL(pause, "an operator's pause: %d", etcdPaused);
    tidy()
  }
}
#endif
