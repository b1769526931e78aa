/** What every part of a simulated desk needs of its node. The one venue of the world is `venue`. */
import { id } from "@baton/core";
import type {
  DeploymentTag,
  Epoch,
  InstrumentRules,
  MarketView,
  NodeId,
  PermitSource,
  Refusal,
  Sequence,
  SymbolId,
  VenueId,
} from "@baton/core";
import type { Bent } from "../breaks/bent.ts";
import type { Settings } from "../engine/settings.ts";
import type { VenueDoor } from "../engine/venue-door.ts";
import type { Process } from "../world/process.ts";

export const venue: VenueId = id<VenueId>("venue");

export interface DeskContext {
  readonly node: NodeId;
  readonly tag: DeploymentTag;
  readonly settings: Settings;
  readonly process: Process;
  readonly door: VenueDoor;
  readonly permits: PermitSource;
  readonly bent: Bent;
  readonly instruments: ReadonlyMap<SymbolId, InstrumentRules>;
  readonly price: (symbol: SymbolId) => MarketView;
  /** After an unclean failover or a re-anchoring: the account was read, by records up to this one. */
  readonly reconciled: (epoch: Epoch, sequence: Sequence) => void;
  readonly whyNoRisk: () => Refusal | undefined;
  /** Something that happened, for coverage. */
  readonly note: (what: string) => void;
}
