/*
 * How large a world is explored, and which of its parts are there. Every name can be set from outside (-DNAME=value).
 */

/* Nodes, records that anybody may append, the highest epoch and the highest version of the in-sync set. */
#ifndef NODES
#define NODES 3
#endif
#ifndef RECORDS
#define RECORDS 1
#endif
#ifndef EPOCHS
#define EPOCHS 3
#endif
#ifndef VERSIONS
#define VERSIONS 4
#endif
#define EVERYONE (BIT(NODES) - 1)
/* The set that etcd begins with, as a bit mask: 3 is nodes 0 and 1, so that node 2 has to be grown first. */
#ifndef FIRST_SET
#define FIRST_SET EVERYONE
#endif

/* How often the world may do harm. */
#ifndef CRASHES
#define CRASHES 1
#endif
/* Answers of etcd that never arrive. */
#ifndef LOST
#define LOST 1
#endif

/* Parts: 1 is in the world, 0 is not. The protocol itself: */
#ifndef SWITCHOVER
#define SWITCHOVER 1
#endif
/* Records are sent to a venue. */
#ifndef SENDS
#define SENDS 0
#endif
/* Leases end (the leader key goes away by itself). A pre-emption may come at any instant, whatever this says. */
#ifndef EXPIRY
#define EXPIRY 0
#endif
/* Which takeovers there are: pre-emption can be configured away. */
#ifndef PREEMPTION
#define PREEMPTION 1
#endif
/* An operator's pause (or autofailover off) comes this often; yields are handoffs without an operator. */
#ifndef PAUSES
#define PAUSES 0
#endif
#ifndef FAILSAFE
#define FAILSAFE 0
#endif
/* Unclean failovers. */
#ifndef UNCLEAN
#define UNCLEAN 0
#endif
/* Restores of etcd from a backup taken at any earlier time. */
#ifndef RESTORES
#define RESTORES 0
#endif
/* Disks replaced by empty ones, and disks set back to an image taken at any earlier time. */
#ifndef NEW_DISKS
#define NEW_DISKS 0
#endif
#ifndef ROLLBACKS
#define ROLLBACKS 0
#endif
/* Images may be of the boot that still runs: the boot counter cannot notice those. */
#ifndef SAME_BOOT_IMAGES
#define SAME_BOOT_IMAGES 0
#endif
