/*
 * The guards of the protocol, one name each: 1 is the protocol, 0 is the protocol without that guard (-DNAME=0). The number
 * is the rule that asks for it. Every 0 has a counterexample, two of them only together with another: README.md says which.
 */

/* 2: a commit waits for every member of the wait set; without: for a majority of the nodes. */
#ifndef ALL_ACKNOWLEDGE
#define ALL_ACKNOWLEDGE 1
#endif
/* 2: the leader's own fsync counts like a member's. */
#ifndef OWN_FSYNC_COUNTS
#define OWN_FSYNC_COUNTS 1
#endif
/* 3: what was inherited is resolved, never sent. */
#ifndef OWN_EPOCH_ONLY
#define OWN_EPOCH_ONLY 1
#endif
/* 4: a follower that joins is cut to the last common record by hash; without: by length. */
#ifndef CUT_BY_HASH
#define CUT_BY_HASH 1
#endif
/* 4: nobody follows an epoch below the highest it has promised. */
#ifndef REFUSE_LOWER_EPOCHS
#define REFUSE_LOWER_EPOCHS 1
#endif
/* 5: acknowledged is what is on the disk. */
#ifndef ACK_AFTER_FSYNC
#define ACK_AFTER_FSYNC 1
#endif
/* 5: nothing is acknowledged under a vow. */
#ifndef VOW
#define VOW 1
#endif
/* 5: only a newer version or epoch ends a vow, never a timeout. */
#ifndef VOW_OUTLASTS_TIMEOUT
#define VOW_OUTLASTS_TIMEOUT 1
#endif
/* 5: acknowledgements count for the leadership that they name. */
#ifndef ACKS_NAME_LEADERSHIP
#define ACKS_NAME_LEADERSHIP 1
#endif
/* 6: a member leaves the wait set after its shrink has committed. */
#ifndef SHRINK_THEN_LEAVE
#define SHRINK_THEN_LEAVE 1
#endif
/* 6: a member joins the wait set before its grow is asked. */
#ifndef JOIN_THEN_GROW
#define JOIN_THEN_GROW 1
#endif
/* 6: a grown member holds the commit point, */
#ifndef GROW_HOLDS_COMMIT
#define GROW_HOLDS_COMMIT 1
#endif
/*    and everything the leader inherited. */
#ifndef GROW_HOLDS_INHERITED
#define GROW_HOLDS_INHERITED 1
#endif
/* 6: shrink, grow and bump are guarded on the version they were decided on, */
#ifndef CHANGE_GUARDS_VERSION
#define CHANGE_GUARDS_VERSION 1
#endif
/*    and on the leader and its epoch. */
#ifndef CHANGE_GUARDS_LEADER
#define CHANGE_GUARDS_LEADER 1
#endif
/* 7: a change whose outcome is unknown stays in the wait set until a newer version is seen. */
#ifndef UNKNOWN_STAYS
#define UNKNOWN_STAYS 1
#endif
/* 8: only members of the set ask. */
#ifndef MEMBERS_ONLY
#define MEMBERS_ONLY 1
#endif
/* 8: a takeover is guarded on the version that was vowed. */
#ifndef TAKEOVER_GUARDS_VERSION
#define TAKEOVER_GUARDS_VERSION 1
#endif
/* 8: a takeover is guarded on pause and autofailover, */
#ifndef TAKEOVER_GUARDS_CONTROL
#define TAKEOVER_GUARDS_CONTROL 1
#endif
/* 10: and so is a handoff that no operator asked for. */
#ifndef YIELD_GUARDS_CONTROL
#define YIELD_GUARDS_CONTROL 1
#endif
/* 8, 9: epochMax and vow are durable. */
#ifndef EPOCH_IS_DURABLE
#define EPOCH_IS_DURABLE 1
#endif
#ifndef VOW_IS_DURABLE
#define VOW_IS_DURABLE 1
#endif
/* 9: the winner is the boot that asked; an older boot in the key is not this one. */
#ifndef WINNER_IS_THIS_BOOT
#define WINNER_IS_THIS_BOOT 1
#endif
/* 10: the successor holds everything. */
#ifndef SUCCESSOR_HOLDS_ALL
#define SUCCESSOR_HOLDS_ALL 1
#endif
/* 10: the successor is a member of the set. */
#ifndef SUCCESSOR_IS_MEMBER
#define SUCCESSOR_IS_MEMBER 1
#endif
/* 10: held until an own bump has committed. */
#ifndef RESUME_AFTER_BUMP
#define RESUME_AFTER_BUMP 1
#endif
/* 10: the handoff is guarded on the version, so that the bump kills it. */
#ifndef HANDOFF_GUARDS_VERSION
#define HANDOFF_GUARDS_VERSION 1
#endif

/* F: the deadline is extended when all of the wait set have promised; without: when one has. */
#ifndef ALL_PROMISE
#define ALL_PROMISE 1
#endif
/* F: the wait set is asked; without: the set last known. */
#ifndef WAIT_SET_PROMISES
#define WAIT_SET_PROMISES 1
#endif
/* F: a promise outlasts a restart. */
#ifndef PROMISE_IS_DURABLE
#define PROMISE_IS_DURABLE 1
#endif
/* F: a promise is about pre-emption too. */
#ifndef PROMISE_STOPS_PREEMPTION
#define PROMISE_STOPS_PREEMPTION 1
#endif
/* F: who has vowed does not promise. */
#ifndef NO_PROMISE_UNDER_VOW
#define NO_PROMISE_UNDER_VOW 1
#endif
/* F: under an extended deadline only somebody who has promised too is grown. */
#ifndef GROW_HAS_PROMISED
#define GROW_HAS_PROMISED 1
#endif

/* U: an unclean failover waits until every permit has ended. */
#ifndef UNCLEAN_WAITS
#define UNCLEAN_WAITS 1
#endif
/* U: that reconciliation is due stands in etcd; without: in the memory of the one who won. */
#ifndef RECONCILE_IS_DURABLE
#define RECONCILE_IS_DURABLE 1
#endif
/* U: no new order before the reconciliation. */
#ifndef RECONCILE_FIRST
#define RECONCILE_FIRST 1
#endif

/* R: a journal pins the id of the etcd it belongs to. */
#ifndef PIN_ETCD
#define PIN_ETCD 1
#endif
/* R: so does every connection: nothing is asked of an etcd with another id, by a leader neither. */
#ifndef CONNECTIONS_PIN_ETCD
#define CONNECTIONS_PIN_ETCD 1
#endif
/* R: a restored etcd has a new id. */
#ifndef RESTORE_RENAMES
#define RESTORE_RENAMES 1
#endif
/* R: re-anchoring stops whoever still leads, */
#ifndef ANCHOR_STOPS_LEADERS
#define ANCHOR_STOPS_LEADERS 1
#endif
/*    makes everyone forget what it asked of the lost etcd, */
#ifndef ANCHOR_FORGETS_REQUESTS
#define ANCHOR_FORGETS_REQUESTS 1
#endif
/*    compares every journal, */
#ifndef ANCHOR_COMPARES_ALL
#define ANCHOR_COMPARES_ALL 1
#endif
/*    by the epoch of the last record before the length, */
#ifndef ANCHOR_BY_EPOCH
#define ANCHOR_BY_EPOCH 1
#endif
/*    and begins above every epoch that anyone has promised. */
#ifndef ANCHOR_RAISES_EPOCH
#define ANCHOR_RAISES_EPOCH 1
#endif

/* D: a member is a node on one disk. */
#ifndef JOURNAL_ID
#define JOURNAL_ID 1
#endif
/* D: a journal whose boot count is behind etcd's becomes a new one. */
#ifndef BOOTS_ARE_COUNTED
#define BOOTS_ARE_COUNTED 1
#endif
