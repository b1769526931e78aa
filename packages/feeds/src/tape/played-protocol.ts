/**
 * How a feed speaks in a player's world. It says what it wants in the player's own words and is answered in them, since the
 * answers on the tape were to another feed's requests; what the venue said of the market is read by the venue's own
 * parser. What the tape does not tell (how long a dial took, whether a silence was the venue's or that of a process which
 * did not read) is not judged anew, since a connection that only the played feed gives up would miss what nobody can
 * bring it.
 */
import type { FeedRules } from "../feed-rules.ts";
import type { VenueFrame, VenueHistory, VenueProtocol } from "../protocol.ts";

/** The feed's rules without those that end a connection, or keep from dialling, by the time that has passed. */
export function playedRules(rules: FeedRules): FeedRules {
  const { liveness } = rules;
  const deathless = { graceMs: Infinity, silenceMaxMs: Infinity };
  return {
    ...rules,
    line: {
      ...rules.line,
      connectWithinMs: Infinity,
      backoff: { baseMs: 0, capMs: 0 },
      giveUpAfter: Infinity,
      // The tape has the answers to another feed's heartbeats.
      heartbeat: undefined,
      rotateBetweenMs: [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    },
    liveness: {
      depth: { ...liveness.depth, ...deathless },
      trade: { ...liveness.trade, ...deathless },
      ticker: { ...liveness.ticker, ...deathless },
    },
  };
}

/** Begins a frame of the player's own; no venue's does. */
const ownMark = "\u0000";

/** A frame of the player's own, as bytes that the protocol's parser knows. */
export function ownFrame(frame: VenueFrame): Buffer {
  return Buffer.from(ownMark + JSON.stringify(frame));
}

/** The venue's protocol with the player for a partner: requests in its words, its answers besides the tape's frames. */
export function playedProtocol(protocol: VenueProtocol, history: VenueHistory): VenueProtocol {
  return {
    ...protocol,
    history,
    requestText: (request) => JSON.stringify(request),
    heartbeatText: () => undefined,
    openParser() {
      const parser = protocol.openParser();
      return {
        set: (names) => parser.set(names),
        parse: (data) =>
          data[0] === 0
            ? (JSON.parse(data.toString("utf8", ownMark.length)) as VenueFrame)
            : withoutAnswers(parser.parse(data)),
      };
    },
  };
}

const ignored: VenueFrame = { type: "ignored" };

/** Answers to requests of the feed that was recorded, which is not the one that listens now. */
function withoutAnswers(frame: VenueFrame): VenueFrame {
  switch (frame.type) {
    case "acknowledged":
    case "refused":
    case "listed":
    case "standing":
    case "beat":
      return ignored;
    case "several":
      return { type: "several", frames: frame.frames.map(withoutAnswers) };
    default:
      return frame;
  }
}
