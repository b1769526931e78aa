/** Risk over HTTP: the headroom of each control (`GET /v1/risk`), and switching on again what a control switched off. */
import { z } from "zod";
import type { SwitchingControl } from "../formats/events.ts";
import { killLevels } from "../risk/kill.ts";
import type { RiskView } from "../risk/headroom.ts";
import { decimalText } from "./fields.ts";

/** Body of `POST /v1/risk/enable`. `cluster`: its name, typed, since risk said no before. */
export interface EnableRequest {
  /** `strategy`: one that threw or overran its budget. */
  readonly control: SwitchingControl | "strategy";
  /** The principal or strategy, or the currency whose day's loss is counted anew from now on. */
  readonly subject: string;
  readonly reason: string;
  readonly cluster: string;
}

export const enableRequestSchema: z.ZodType<EnableRequest> = z.strictObject({
  control: z.enum(
    ["repeated-execution", "loss-limit", "strategy"],
    "must be repeated-execution, loss-limit or strategy",
  ),
  subject: z.string("must name whom").min(1, "must name whom").max(200),
  reason: z.string("must say why").trim().min(1, "must say why").max(500, "must have at most 500 characters"),
  cluster: z.string("must be the cluster's name"),
});

const kill = z.looseObject({ level: z.enum(killLevels), by: z.string(), reason: z.string(), atWallMs: z.number() });
const disabled = z.looseObject({
  control: z.string(),
  subject: z.string(),
  by: z.string(),
  reason: z.string(),
  atWallMs: z.number(),
});

export const riskViewSchema: z.ZodType<RiskView> = z.looseObject({
  version: z.literal(1),
  atWallMs: z.number(),
  kills: z.array(kill),
  disabled: z.array(disabled),
  controls: z.array(
    z.looseObject({
      control: z.string(),
      scope: z.string(),
      used: decimalText().nullable(),
      limit: decimalText().nullable(),
      headroom: decimalText().nullable(),
      note: z.string(),
    }),
  ),
}) as unknown as z.ZodType<RiskView>;
