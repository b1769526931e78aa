/**
 * Who works at the desk in one term, and who tells whom. Each part knows the term and what it needs of the others, and
 * nothing of the desk; all of them are made anew for a term and let go of with it.
 */
import type { VenueId } from "@baton/core";
import { Accounts } from "./accounts.ts";
import { Backlogs } from "./backlogs.ts";
import { Cancels } from "./cancels.ts";
import { Denials } from "./denials.ts";
import type { DeskContext } from "./desk-context.ts";
import { Doubts } from "./doubts.ts";
import { Intake } from "./intake.ts";
import { Kills } from "./kills.ts";
import { Parents } from "./parents.ts";
import { Placements } from "./placements.ts";
import { Replacements } from "./replacements.ts";
import { RiskDays } from "./risk-days.ts";
import { RiskInputs } from "./risk-inputs.ts";
import { Switches } from "./switches.ts";
import type { Term } from "./term.ts";
import { VenueCancels } from "./venue-cancels.ts";

/** The parts of a desk in one term. */
export interface Parts {
  readonly term: Term;
  readonly accounts: Accounts;
  readonly backlogs: Backlogs;
  readonly cancels: Cancels;
  readonly days: RiskDays;
  readonly denials: Denials;
  readonly doubts: Doubts;
  readonly inputs: RiskInputs;
  readonly intake: Intake;
  readonly kills: Kills;
  readonly parents: Parents;
  readonly placements: Placements;
  readonly replacements: Replacements;
  readonly switches: Switches;
  readonly venueCancels: VenueCancels;
}

/** Made and wired; none of them does anything before the opening is committed. `isReconcileDue`: see `TermStart`. */
export function partsOf(context: DeskContext, term: Term, isReconcileDue: boolean): Parts {
  const stop = (venue: VenueId, why: string): void => kills.stopAccount(venue, why);
  const accounts: Accounts = new Accounts(context, term, {
    isReconcileDue,
    onEvidence: (order, told) => doubts.evidence(order, told),
    stop,
    onPositions: (reading) => venueCancels.onReading(reading),
  });
  const inputs = new RiskInputs(context, term, {
    fundsOf: (venue) => accounts.fundsOf(venue),
    leftOrphans: () => accounts.leftOrphans(),
  });
  const backlogs = new Backlogs();
  const intake = new Intake(context, term, inputs, {
    whyNotReady: (venue) => accounts.whyNotReady(venue),
    backlogs,
  });
  const placements: Placements = new Placements(context, term, {
    resolve: (intent) => doubts.begin(intent),
    reissue: (order) => intake.reissue(order),
    backlogs,
  });
  const doubts: Doubts = new Doubts(context, term, {
    ended: (intent) => placements.drive(intent),
    isForeign: (venue, symbol, venueOrderId) => accounts.isForeign(venue, symbol, venueOrderId),
    stop,
  });
  const switches = new Switches(context, term);
  const kills: Kills = new Kills(context, term, {
    takeBack: (intent, by) => intake.cancel(intent, by),
    maySwitchHaveFired: (venue) => switches.mayHaveFired(venue),
  });
  const venueCancels: VenueCancels = new VenueCancels(context, term, {
    readPositions: (venue) => accounts.readPositions(venue),
    maySwitchHaveFired: (venue) => switches.mayHaveFired(venue),
    unexplained: (order) => kills.cancelledUnasked(order),
  });
  return {
    ...{ term, accounts, backlogs, doubts, inputs, intake, kills, placements, switches, venueCancels },
    cancels: new Cancels(context, term, (order, told) => doubts.evidence(order, told)),
    days: new RiskDays(context, term, inputs),
    denials: new Denials(context, term, (order, told) => accounts.found(order.terms.venue, told)),
    parents: new Parents(term, intake.parents),
    replacements: new Replacements(context, term, intake),
  };
}
