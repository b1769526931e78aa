/*
 * What a step tells when it is taken: its name and a sentence, from which a counterexample is read. With -DSEEK=1 it also
 * reports, once, that it was taken at all: a guard that is too strong makes properties hold for want of anything happening.
 */
#ifndef SEEK
#define SEEK 0
#endif
#if SEEK
hidden byte taken_append;
hidden byte taken_fsync;
hidden byte taken_commit;
hidden byte taken_send;
hidden byte taken_adopt;
hidden byte taken_stepDown;
hidden byte taken_deadlinePasses;
hidden byte taken_shrink;
hidden byte taken_grow;
hidden byte taken_shrinkGone;
hidden byte taken_bump;
hidden byte taken_outcomeUnknown;
hidden byte taken_handOver;
hidden byte taken_takeover;
hidden byte taken_won;
hidden byte taken_follow;
hidden byte taken_receive;
hidden byte taken_acknowledge;
hidden byte taken_answered;
hidden byte taken_appliedUnseen;
hidden byte taken_crash;
hidden byte taken_leaseEnds;
hidden byte taken_pause;
hidden byte taken_promise;
hidden byte taken_extend;
hidden byte taken_extensionEnds;
hidden byte taken_promiseEnds;
hidden byte taken_uncleanTakeover;
hidden byte taken_reconcile;
hidden byte taken_backUp;
hidden byte taken_restoreEtcd;
hidden byte taken_reAnchor;
hidden byte taken_newDisk;
hidden byte taken_takeImage;
hidden byte taken_rollBack;
#define TAKEN(step) ; assert(taken_##step); taken_##step = 1
#else
#define TAKEN(step)
#endif
#define TELL(step, ...) printf(#step); printf(": "); printf(__VA_ARGS__); printf("\n") TAKEN(step)
