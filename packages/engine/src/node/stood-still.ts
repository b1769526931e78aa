/**
 * A venue's time is ahead of where this machine's clock says that it should be. All clocks of this machine may have stood
 * still while a successor was elected, so the deadline that this boot holds proves nothing (decision 14): it is void at once,
 * before anything else, until etcd has confirmed the lease anew.
 */
import type { Keeper } from "@baton/cluster";
import type { VenueId } from "@baton/core";

/** What is done about it. */
export interface StoodStillPorts {
  readonly keeper: Pick<Keeper, "doubt">;
  readonly warn: (event: string, sentence: string) => void;
}

/** For `VenueOptions.onClockAhead`: `ms` more have passed at the venue than here. */
export function onClockAhead(o: StoodStillPorts): (venue: VenueId, ms: number) => void {
  return (venue, ms) => {
    o.keeper.doubt();
    o.warn(
      "clock.stood-still",
      `${Math.round(ms)} ms more have passed at ${venue} than on this machine's clock: nothing is sent before etcd confirms the lease anew.`,
    );
  };
}
