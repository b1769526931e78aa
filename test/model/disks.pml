/*
 * Disks: replaced by an empty one, or set back to an image taken earlier. A replaced disk is another journal id; a journal
 * whose boot count is behind the one in etcd has been set back and becomes another journal, too.
 */
#if NEW_DISKS || ROLLBACKS
#define MOVED(s, i) ((s) & MEMBER(i) -> (((s) & ~MEMBER(i)) | GONE(i)) : (s))
inline leaveEverySet(i) {
  etcdSet = MOVED(etcdSet, i);
  j = 0;
  do
  :: j < NODES ->
     n[j].known = MOVED(n[j].known, i);
     n[j].ackedByGone[i] = n[j].acked[i]; n[j].acked[i] = 0;
     if
     :: n[j].asked.at != NOWHERE && (n[j].asked.at == APPLIED || !IS_HANDOFF(n[j].asked)) -> 
        n[j].asked.set = MOVED(n[j].asked.set, i)
     :: else
     fi;
     if
     :: n[j].stray.at != NOWHERE && !IS_HANDOFF(n[j].stray) -> 
        n[j].stray.set = MOVED(n[j].stray.set, i)
     :: else
     fi;
     j++
  :: else -> break
  od;
  j = 0
}
#endif

#if NEW_DISKS
inline newDisk(i) {
  d_step {
    newDisksLeft > 0 ->
    newDisksLeft--;
    TELL(newDisk, "%d gets an empty disk", i);
    restart(i, 1);
    n[i].log = 0; n[i].durable = 0; n[i].epochMax = 0; n[i].vowEpoch = 0; n[i].vowVersion = 0;
    if
    :: JOURNAL_ID -> leaveEverySet(i)
    :: else
    fi
  }
}
#endif

#if ROLLBACKS
inline takeImage(i) {
  d_step {
    !image.isTaken && rollbacksLeft > 0 ->
    image.isTaken = 1; image.whose = i;
    image.log = HEAD(n[i].log, n[i].durable); image.epochMax = n[i].epochMax;
    image.vowEpoch = n[i].vowEpoch; image.vowVersion = n[i].vowVersion; image.boots = n[i].boots;
    TELL(takeImage, "an image of the disk of %d is taken: records %d, boot %d", i, image.log, image.boots)
  }
}

inline rollBack(i) {
  d_step {
    image.isTaken && image.whose == i && rollbacksLeft > 0 && (image.boots < n[i].boots || SAME_BOOT_IMAGES) ->
    rollbacksLeft--;
    TELL(rollBack, "the disk of %d is set back to records %d, boot %d (etcd counts %d)", i, image.log, image.boots, etcdBoots[i]);
    ok = (image.boots < etcdBoots[i]);
    restart(i, 1);
    n[i].log = image.log; n[i].durable = COUNT(n[i].log); n[i].epochMax = image.epochMax;
    n[i].vowEpoch = image.vowEpoch; n[i].vowVersion = image.vowVersion;
    if
    :: ok && BOOTS_ARE_COUNTED -> leaveEverySet(i)
    :: else
    fi;
    image.isTaken = 0; image.whose = 0; image.log = 0; image.epochMax = 0; image.vowEpoch = 0; image.vowVersion = 0;
    image.boots = 0;
    tidy()
  }
}
#endif
