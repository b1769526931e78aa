/**
 * What a person sees of the demo: the story line by line, and on a terminal a small picture of the nodes below it that is
 * redrawn in place. Without a terminal only the story is printed, so that a log of it reads well. Colours follow NO_COLOR.
 */
import type { ClusterView } from "@baton/core";

/** One node as the picture shows it; `view` is undefined while it does not answer. */
export interface NodePicture {
  readonly id: string;
  readonly view: ClusterView | undefined;
}

export interface Picture {
  readonly nodes: readonly NodePicture[];
  readonly ordersPerSecond: number;
  readonly acknowledged: number;
  readonly waiting: number;
}

export interface Stage {
  /** Whether `show` draws anything; without a terminal nobody needs to ask the nodes for it. */
  readonly hasPicture: boolean;
  /** One line of the story, with the time since the start. */
  tell(sentence: string, mood?: Mood): void;
  /** A line without time. */
  write(line: string, mood?: Mood): void;
  /** The latest state of the nodes. */
  show(picture: Picture): void;
  /** Takes the picture away; the story stays. */
  close(): void;
}

export type Mood = "plain" | "good" | "bad" | "loud" | "quiet";

const codes: Readonly<Record<Mood, string>> = { plain: "", good: "32", bad: "31", loud: "1;33", quiet: "2" };

/** A stage on a stream; `out` is stderr when stdout belongs to a result. */
export function openStage(out: NodeJS.WriteStream): Stage {
  const isTerminal = out.isTTY;
  const hasColour = isTerminal && process.env["NO_COLOR"] === undefined;
  const paint = (text: string, mood: Mood): string =>
    hasColour && codes[mood] !== "" ? `\u001B[${codes[mood]}m${text}\u001B[0m` : text;
  const startedAt = performance.now();
  // A terminal that does not tell its width gets lines that fit the narrowest usual one.
  const width = (): number => (out.columns > 0 ? out.columns : 80);
  let isClosed = false;
  let drawn = 0;
  let last: Picture | undefined;
  const erase = (): void => {
    if (drawn > 0) out.write(`\u001B[${drawn}A\u001B[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    if (!isTerminal || last === undefined) return;
    const lines = pictureLines(last).map((line) => paint(line.text.slice(0, width() - 1), line.mood));
    out.write(`${lines.join("\n")}\n`);
    drawn = lines.length;
  };
  const write = (line: string, mood: Mood = "plain"): void => {
    erase();
    out.write(`${paint(line, mood)}\n`);
    draw();
  };
  return {
    hasPicture: isTerminal,
    write,
    tell(sentence, mood) {
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5);
      write(`${seconds} s  ${sentence}`, mood);
    },
    show(picture) {
      if (isClosed) return;
      last = picture;
      erase();
      draw();
    },
    close() {
      isClosed = true;
      erase();
      last = undefined;
    },
  };
}

function pictureLines(picture: Picture): { text: string; mood: Mood }[] {
  const rows = picture.nodes.map((node) => nodeLine(node));
  const flow = `${picture.ordersPerSecond} orders/s, ${picture.acknowledged} acknowledged, ${picture.waiting} waiting`;
  return [{ text: "", mood: "plain" }, ...rows, { text: `         ${flow}`, mood: "quiet" }];
}

function nodeLine(node: NodePicture): { text: string; mood: Mood } {
  const { view } = node;
  if (view === undefined) return { text: `   ${node.id}   ·  does not answer`, mood: "bad" };
  const isLeader = view.node.role === "leader";
  const lag = view.members.find((member) => member.node === view.node.id)?.lagRecords;
  const parts = [
    view.node.role.padEnd(11),
    `epoch ${view.epoch}`.padEnd(9),
    isLeader ? `${view.orders.open} open, ${view.orders.inDoubt} in doubt` : `lag ${lag ?? "?"}`,
    view.node.sentence,
  ];
  return { text: `   ${node.id}   ${isLeader ? "●" : "○"}  ${parts.join("  ")}`, mood: isLeader ? "good" : "plain" };
}
