/**
 * Can the nodes speak to each other, and to whom they post: reached addresses, certificates and how long they last. A peer
 * that is not there is a warning and no failure: nodes start one after another, and a standby may be down by intent.
 */
import type { Finding } from "./report.ts";
import { Judge } from "./report.ts";

/** What a dial came to; with TLS, how the other end showed itself. */
export type DialFacts =
  | { readonly kind: "reached"; readonly ms: number; readonly certificate?: PeerCertificate }
  | { readonly kind: "silent"; readonly cause: string };

export type PeerCertificate =
  { readonly kind: "believed"; readonly secondsLeft: number } | { readonly kind: "doubted"; readonly cause: string };

/** One of the other nodes; without an address where none is configured and etcd has none, or could not be read. */
export type PeerFacts =
  | { readonly node: string; readonly address: string; readonly dial: DialFacts }
  | { readonly node: string; readonly address?: never; readonly isEtcdRead: boolean };

/** This node's own certificate, and its authority's. */
export type OwnCertificate =
  | { readonly kind: "none" }
  | {
      readonly kind: "good";
      readonly secondsLeft: number;
      readonly authoritySecondsLeft: number;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "refused"; readonly cause: string };

/** The Alertmanager: absent where none is configured. */
export interface AlertmanagerFacts {
  readonly url: string;
  readonly answer: { readonly kind: "answers" } | { readonly kind: "silent" | "strange"; readonly cause: string };
}

/** Certificates that are renewed in time never come so close to their end; the node warns at the same. */
const soonSeconds = 3 * 86_400;

/** Findings on the other nodes and on what this one shows them. */
export function judgePeers(peers: readonly PeerFacts[], own: OwnCertificate): readonly Finding[] {
  return [...peers.flatMap(peerOf), ...ownOf(own)];
}

function peerOf(peer: PeerFacts): readonly Finding[] {
  const judge = new Judge("peers.reached", peer.node);
  if (peer.address === undefined && !peer.isEtcdRead)
    return [judge.skipped("Where it is stands in etcd, which could not be read.")];
  if (peer.address === undefined)
    return [judge.warning("It has not published where it is: it does not run.", "start it.")];
  const { address, dial } = peer;
  if (dial.kind === "silent")
    return [
      judge.warning(
        `Nothing answers at ${address}: ${dial.cause}.`,
        "start that node; if it runs, look at the network between them.",
      ),
    ];
  const reached = judge.ok(`It answers at ${address} within ${Math.round(dial.ms)} ms.`);
  return dial.certificate === undefined ? [reached] : [reached, certificateOf(peer.node, dial.certificate)];
}

function certificateOf(node: string, certificate: PeerCertificate): Finding {
  const judge = new Judge("peers.certificate", node);
  if (certificate.kind === "doubted")
    return judge.failure(
      `Its certificate is not believed: ${certificate.cause}.`,
      "give it one of api.tls.caFile's authority.",
    );
  return endOf(judge, "Its certificate", certificate.secondsLeft);
}

function ownOf(own: OwnCertificate): readonly Finding[] {
  if (own.kind === "none") return [];
  const judge = new Judge("node.certificate");
  if (own.kind === "refused") return [judge.failure(`It cannot serve: ${own.cause}`, "renew the files of api.tls.")];
  const { secondsLeft, authoritySecondsLeft, warnings } = own;
  return [
    endOf(judge, "It", secondsLeft),
    ...(authoritySecondsLeft < soonSeconds ? [endOf(judge, "Its authority", authoritySecondsLeft)] : []),
    ...warnings.map((warning) => judge.warning(warning, "keep the key to the node's user and group.")),
  ];
}

function endOf(judge: Judge, what: string, secondsLeft: number): Finding {
  const limit = `${soonSeconds / 86_400} days at least are wanted`;
  if (secondsLeft < 0) return judge.failure(`${what} has ended.`, "renew it: new links and clients fail.");
  const left =
    secondsLeft < 172_800 ? `${Math.floor(secondsLeft / 3_600)} hours` : `${Math.floor(secondsLeft / 86_400)} days`;
  if (secondsLeft < soonSeconds) return judge.warning(`${what} ends in ${left}; ${limit}.`, "renew it.");
  return judge.ok(`${what} ends in ${left}; ${limit}.`);
}

/** Findings on where alerts are posted. */
export function judgeAlerting(facts: AlertmanagerFacts | undefined): readonly Finding[] {
  const judge = new Judge("alerts.alertmanager", facts?.url);
  if (facts === undefined) return [judge.skipped("None is configured (alerts.alertmanagerUrl).")];
  const { answer } = facts;
  const advice = "look at alerts.alertmanagerUrl; until then rules over the metrics tell, seconds later.";
  if (answer.kind === "answers") return [judge.ok("It answers.")];
  if (answer.kind === "strange") return [judge.warning(`What answers is no Alertmanager: ${answer.cause}.`, advice)];
  return [judge.warning(`It does not answer: ${answer.cause}.`, advice)];
}
