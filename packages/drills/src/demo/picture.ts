/**
 * The failover as a picture, drawn from the exchange's own log: one row per node, one mark per order that the exchange
 * received from it, against time around the fault; the gap that a user saw, and who led which epoch. Plain SVG that follows
 * the reader's light or dark scheme.
 */
import type { Verdict } from "../checker/check.ts";
import type { Evidence } from "../checker/evidence.ts";
import { tell } from "../checker/story.ts";
import type { PlaceRecv, Story } from "../checker/story.ts";

const size = { width: 880, left: 64, right: 24, top: 74, row: 56 } as const;
const span = { beforeMs: 1_000, afterMs: 2_000 } as const;

/** Gives the SVG's text. Without a fault the middle of the run is drawn. */
export function drawFailover(evidence: Evidence, verdict: Verdict): string {
  const story = tell(evidence);
  const middle = story.places[Math.floor(story.places.length / 2)]?.recv.monoMs ?? 0;
  const faultMonoMs = evidence.fault?.atMonoMs ?? middle;
  const afterMs = Math.max(span.afterMs, Math.ceil(((verdict.rtoMs ?? 0) + 1_000) / 500) * 500);
  const scale = (size.width - size.left - size.right) / (span.beforeMs + afterMs);
  const xOf = (monoMs: number): number => round(size.left + (monoMs - faultMonoMs + span.beforeMs) * scale);
  const nodes = [...new Set(Object.values(evidence.nodeOfKey))].toSorted();
  const bottom = size.top + nodes.length * size.row;
  const shown = story.places.filter(
    ({ recv }) => recv.monoMs >= faultMonoMs - span.beforeMs && recv.monoMs <= faultMonoMs + afterMs,
  );
  const yOf = (node: string): number => size.top + nodes.findIndex((each) => each === node) * size.row + size.row / 2;
  const parts = [
    text(
      size.left,
      24,
      "title",
      `${evidence.fault?.kind ?? "a run"}: orders at the exchange, by the node that sent them`,
    ),
    text(size.left, 44, "quiet", summary(verdict)),
    ...nodes.map((node) => rowOf(node, yOf(node))),
    ...gapOf(story, verdict, { faultMonoMs, xOf, bottom }),
    ...marksOf(shown, xOf, yOf),
    ...epochLabels(story, shown, xOf, yOf),
    ...axis({ afterMs, xOf, faultMonoMs, bottom }),
  ];
  const height = bottom + 40;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escape(evidence.fault?.kind ?? "run")}: ${escape(summary(verdict))}</title>`,
    `<style>${style}</style>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

interface Palette {
  readonly ink: string;
  readonly quiet: string;
  readonly line: string;
  readonly odd: string;
  readonly even: string;
  readonly gap: string;
}

/** Plain rules, no custom properties: what turns SVG into pixels outside a browser often knows none. */
const paints = ({ ink, quiet, line, odd, even, gap }: Palette): string =>
  [
    `text{fill:${ink}}.quiet{fill:${quiet}}.line{stroke:${line}}.odd{stroke:${odd}}.even{stroke:${even}}`,
    `text.odd{fill:${odd};stroke:none}text.even{fill:${even};stroke:none}`,
    `.gap{fill:${gap}}.fault{stroke:${gap}}text.fault{fill:${gap};stroke:none}`,
  ].join("");

const light = { ink: "#1f2328", quiet: "#59636e", line: "#d1d9e0", odd: "#0969da", even: "#1a7f37", gap: "#cf222e" };
const dark = { ink: "#f0f6fc", quiet: "#9198a1", line: "#3d444d", odd: "#4493f8", even: "#3fb950", gap: "#f85149" };

const style = [
  ".title{font-size:15px;font-weight:600}.mark{stroke-width:1.6;opacity:.75}.gap{opacity:.12}.fault{stroke-width:1.5}",
  paints(light),
  `@media(prefers-color-scheme:dark){${paints(dark)}}`,
].join("");

function summary(verdict: Verdict): string {
  const { rpo, orders } = verdict;
  const rto = verdict.rtoMs === null ? "no gap measured" : `gap ${Math.round(verdict.rtoMs)} ms`;
  return `${rto} · ${rpo.lost} of ${rpo.acknowledged} acknowledged intents lost · ${orders.duplicates} duplicates`;
}

function rowOf(node: string, y: number): string {
  const line = `<line class="line" x1="${size.left}" x2="${size.width - size.right}" y1="${y}" y2="${y}"/>`;
  return `${line}${text(20, y + 4, "", node)}`;
}

/** One path for all orders of a node in an epoch. */
function marksOf(
  shown: readonly PlaceRecv[],
  xOf: (monoMs: number) => number,
  yOf: (node: string) => number,
): string[] {
  const groups = Map.groupBy(shown, ({ node, epoch }) => `${node}/${epoch}`);
  return [...groups.values()].flatMap((places) => {
    const [first] = places;
    if (first === undefined) return [];
    const top = yOf(first.node) - 11;
    const marks = places.map(({ recv }) => `M${xOf(recv.monoMs)} ${top}v22`).join("");
    return [`<path class="mark ${colourOf(first.epoch)}" d="${marks}"/>`];
  });
}

function colourOf(epoch: number | undefined): "odd" | "even" {
  return (epoch ?? 0) % 2 === 1 ? "odd" : "even";
}

function gapOf(
  story: Story,
  verdict: Verdict,
  where: { faultMonoMs: number; xOf: (monoMs: number) => number; bottom: number },
): string[] {
  const { fault } = story.evidence;
  if (fault === undefined || fault.kind === "none" || verdict.rtoMs === null) return [];
  const gap = gapBounds(story, verdict.rtoMs, where.faultMonoMs);
  const [from, to] = [where.xOf(gap.from), where.xOf(gap.to)];
  const faultX = where.xOf(where.faultMonoMs);
  const height = where.bottom - size.top + 6;
  return [
    `<rect class="gap" x="${from}" y="${size.top - 6}" width="${round(to - from)}" height="${height}"/>`,
    `<line class="fault" x1="${faultX}" x2="${faultX}" y1="${size.top - 6}" y2="${where.bottom}"/>`,
    text(faultX + 4, size.top - 10, "fault", `${fault.kind}, then ${Math.round(verdict.rtoMs)} ms`),
  ];
}

/** Where the measured gap lies: it ends at the first request of a later epoch, or is the largest after a standby's loss. */
function gapBounds(story: Story, rtoMs: number, faultMonoMs: number): { from: number; to: number } {
  for (const [at, { recv, epoch }] of story.places.entries()) {
    const previous = story.places[at - 1];
    if (recv.monoMs < faultMonoMs) continue;
    if (previous !== undefined && epoch !== undefined && epoch > (previous.epoch ?? epoch)) {
      return { from: recv.monoMs - rtoMs, to: recv.monoMs };
    }
    const gap = previous === undefined ? 0 : recv.monoMs - previous.recv.monoMs;
    if (story.evidence.fault?.kind === "standby-kill" && Math.abs(gap - rtoMs) < 0.1) {
      return { from: recv.monoMs - gap, to: recv.monoMs };
    }
  }
  return { from: faultMonoMs, to: faultMonoMs + rtoMs };
}

function epochLabels(
  story: Story,
  shown: readonly PlaceRecv[],
  xOf: (monoMs: number) => number,
  yOf: (node: string) => number,
): string[] {
  return story.epochs.flatMap(({ history }) => {
    const first = shown.find(({ epoch }) => epoch === history.epoch);
    if (first === undefined) return [];
    const label = `epoch ${history.epoch}${history.reason === "first" ? "" : ` (${history.reason})`}`;
    return [text(xOf(first.recv.monoMs) + 2, yOf(history.node) - 15, colourOf(history.epoch), label)];
  });
}

function axis(where: {
  afterMs: number;
  xOf: (monoMs: number) => number;
  faultMonoMs: number;
  bottom: number;
}): string[] {
  const marks: string[] = [];
  for (let ms = -span.beforeMs; ms <= where.afterMs; ms += 500) {
    const x = where.xOf(where.faultMonoMs + ms);
    const label = ms === 0 ? "fault" : `${ms > 0 ? "+" : "−"}${Math.abs(ms) / 1_000} s`;
    marks.push(`<line class="line" x1="${x}" x2="${x}" y1="${where.bottom}" y2="${where.bottom + 5}"/>`);
    marks.push(text(x, where.bottom + 20, "quiet", label, "middle"));
  }
  return marks;
}

function text(x: number, y: number, name: string, content: string, anchor?: "middle"): string {
  const kind = name === "" ? "" : ` class="${name}"`;
  const at = anchor === undefined ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${y}"${kind}${at}>${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
