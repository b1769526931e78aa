/** What every part of the desk needs of the rest of the node. */
import type {
  Config,
  DeploymentTag,
  Epoch,
  KillScope,
  KillState,
  MarketView,
  NodeId,
  PermitSource,
  Refusal,
  Sequence,
  SymbolId,
  VenueId,
} from "@baton/core";
import type { Venue } from "@baton/venues";
import type { Metrics } from "../metrics.ts";
import type { OrderTraces } from "../order-trace.ts";
import type { VolumeTapes } from "./volume-tapes.ts";

export interface DeskContext {
  readonly node: NodeId;
  readonly config: Config;
  readonly tag: DeploymentTag;
  readonly venues: ReadonlyMap<VenueId, Venue>;
  /** True while this venue answers this node. */
  readonly reaches: (venue: VenueId) => boolean;
  /** The price to decide on now, or why there is none. */
  readonly price: (venue: VenueId, symbol: SymbolId) => MarketView;
  /** The public volume that this node has seen. */
  readonly volume: VolumeTapes;
  readonly permits: PermitSource;
  readonly metrics: Metrics;
  readonly traces: OrderTraces;
  /** Etcd has not heard of this kill, which is on record here: it is to be told. May be called again until it has. */
  readonly reassertKill: (scope: KillScope) => void;
  /** Kills that this node was told of itself and etcd has not heard of. */
  readonly localKill: () => KillState;
  /** Every venue's orders and trades were read in this term, where that was due; what they told is recorded up to here. */
  readonly reconciled: (epoch: Epoch, sequence: Sequence) => void;
  /** Why no new risk may be taken now whatever the order; undefined when it may. */
  readonly whyNoRisk: () => Refusal | undefined;
  /** Instead of core's minute before a trade that is missing is believed to be gone; see `RunOptions`. */
  readonly bustSettledMs?: number | undefined;
  readonly say: (event: string, sentence: string, facts?: Readonly<Record<string, unknown>>) => void;
  readonly warn: (event: string, sentence: string, facts?: Readonly<Record<string, unknown>>) => void;
}
