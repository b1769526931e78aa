/*
 * The state: what etcd holds, what each node holds on its disk and in its memory, which requests are on their way, and what
 * only the properties look at. Records are numbered in the order in which anybody appends them, so that a journal is the
 * set of its records: bit r is record r, and the order is that of the bits. A position is a number of records.
 */
#define BIT(i) (1 << (i))
#define NOBODY 7

/* Members of a set, as bits: node i on the disk that it has now, and on one that it has no longer. */
#define MEMBER(i) BIT(i)
#define HAS_DISKS (NEW_DISKS || ROLLBACKS)
#if HAS_DISKS
#define GONE(i) BIT(NODES + (i))
#else
#define GONE(i) 0
#endif

/* Position arithmetic on journals. HEAD: the first p records of j. COMMON: the longest common beginning. */
#define COUNT(j) (((j) & 1) + (((j) >> 1) & 1) + (((j) >> 2) & 1) + (((j) >> 3) & 1))
#define HEAD1(j, r, p) (((((j) >> (r)) & 1) && COUNT((j) & (BIT(r) - 1)) < (p)) << (r))
#define HEAD(j, p) (HEAD1(j, 0, p) | HEAD1(j, 1, p) | HEAD1(j, 2, p) | HEAD1(j, 3, p))
#define LOWEST(j) ((j) & (~(j) + 1))
#define COMMON(a, b) ((a) == (b) -> (a) : ((a) & (LOWEST((a) ^ (b)) - 1)))

/* What can be asked of etcd. */
#define TAKEOVER 1
#define UNCLEAN_TAKEOVER 2
#define SHRINK 3
#define GROW 4
#define BUMP 5
#define HANDOFF 6
#define YIELD 7

/* Where a request is. DEAD: can no longer be applied, but the one who asked has not learned it. */
#define DIED 8
#define NOWHERE 0
#define ON_ITS_WAY 1
#define APPLIED 2
#define DEAD 3

typedef Request {
  unsigned at : 2;
  unsigned kind : 3;
  unsigned epoch : 3;   /* guard */
  unsigned set : 6;     /* members that it puts; of a handoff on its way, the successor (+ DIED: of a boot that is no more) */
  bit isThisBoot;       /* the boot that asked is still running */
  bit isAbsent;         /* guard: the leader key is absent */
#if PAUSES
  unsigned control : 2; /* guard: revision of pause and autofailover */
#endif
#if RESTORES
  bit etcd;             /* the etcd that the one who asked belongs to: its connections are to no other */
#endif
  unsigned version : 3  /* guard */
}

typedef Node {
  /* On its disk. `log`: records held; the first `durable` of them are fsynced. */
  unsigned log : 4;
  unsigned durable : 3;
  unsigned epochMax : 3;
  unsigned vowEpoch : 3;
  unsigned vowVersion : 3;
#if FAILSAFE
  bit promised;
#endif
#if RESTORES
  bit pin;              /* id of the etcd that it belongs to */
#endif
#if ROLLBACKS
  unsigned boots : 2;
#endif
  /* A standby. `joined`: said hello to the leader of epochMax, and was cut. */
  bit joined;
  /* A leader. */
  bit leads;
  unsigned epoch : 3;
  unsigned version : 3; /* the set last known committed in etcd, */
  unsigned known : 6;   /* and its members */
  byte acked[NODES];
#if HAS_DISKS
  byte ackedByGone[NODES]; /* what the disk that is gone acknowledged */
#endif
  unsigned committedTo : 3;
  unsigned inherited : 3;
  bit held;
#if FAILSAFE
  unsigned answers : 3;  /* who has promised */
  bit extended;         /* its deadline rests on those promises */
#endif
#if UNCLEAN
  bit mustReconcile;
#endif
  /* The request whose answer is awaited, and one that was given up or whose boot has died. */
  Request asked;
  Request stray
}
Node n[NODES];

/* etcd. `etcdLives`: the boot that the leader key names is still running. */
byte etcdLeader = 0, etcdEpoch = 1, etcdVersion = 1, etcdSet = FIRST_SET;
bit etcdLives = 1;
#if PAUSES
bit etcdPaused = 0;
byte etcdControl = 0;
#endif
#if UNCLEAN
bit etcdMustReconcile = 0;
byte uncleanLeft = UNCLEAN;
#endif
#if RESTORES
bit etcdId = 0;
byte restoresLeft = RESTORES;
byte anchoredAt = 0;   /* the epoch that the restored etcd was re-anchored at */
typedef Backup { bit isTaken; byte leader; byte epoch; byte version; byte set; bit lives }
Backup backup;
byte bornIn[RECORDS];   /* the epoch of each record stands in its frame */
#endif
#if NEW_DISKS
byte newDisksLeft = NEW_DISKS;
#endif
#if ROLLBACKS
byte etcdBoots[NODES];
byte rollbacksLeft = ROLLBACKS;
typedef Image { bit isTaken; byte whose; byte log; byte epochMax; byte vowEpoch; byte vowVersion; byte boots }
Image image;
#endif

byte appended = 0;
byte crashesLeft = CRASHES, lostLeft = LOST;

/* For the properties only. */
byte committed[EPOCHS + 1];  /* records committed by the leader of each epoch */
byte tookOver[EPOCHS + 1];   /* BEGAN, and the journal of the leader of each epoch when it took over */
byte leaderOf[EPOCHS + 1];   /* 1 + the node recorded for each epoch */
#if SENDS
byte sentBy[RECORDS];        /* the epoch that sent each record */
#endif
byte handedOn = 0;           /* epochs that a handoff began, as bits */
#define BEGAN 128
#if UNCLEAN
byte statedLost = 0;         /* records that an unclean failover said it would lose */
byte uncleanEpoch = 0;       /* the epoch it began */
bit isReconciled = 0;
#define LOSS statedLost
#else
#define LOSS 0
#endif

/* Words of one step; nothing in them outlives it. */
hidden byte e, j, p, r, w, x, y;
hidden byte ok;
